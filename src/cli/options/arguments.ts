/** Reads the values of options. */
import { InvalidArgumentError } from "commander";
import { pointInTime, TIME_FORMS } from "../terminal/times.ts";

/** @throws InvalidArgumentError, which commander prints beside the name of the option. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < min || number > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

/** @throws InvalidArgumentError, which commander prints beside the name of the option. */
export function share(text: string): number {
  const number = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || number <= 0 || number > 1) {
    throw new InvalidArgumentError("Give a number above 0 and up to 1, such as 0.2.");
  }
  return number;
}

/** @throws InvalidArgumentError, which commander prints beside the name of the option. */
export function when(text: string): Date {
  const time = pointInTime(text, new Date());
  if (time === undefined) {
    throw new InvalidArgumentError(`Give ${TIME_FORMS}.`);
  }
  return time;
}
