/** Loaded with `--import`, sets the clocks of its process wrong by `?ms=`: those of JavaScript, as on a host whose time is wrong. */
const ms = Number(new URL(import.meta.url).searchParams.get("ms"));
const RealDate = Date;
const performanceNow = performance.now.bind(performance);

class SkewedDate extends RealDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(RealDate.now() + ms);
    else super(...(args as [number]));
  }

  static override now(): number {
    return RealDate.now() + ms;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
performance.now = () => performanceNow() + ms;
