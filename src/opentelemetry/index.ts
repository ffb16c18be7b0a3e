/**
 * Traces and metrics of OpenTelemetry, made of the events on `node:diagnostics_channel`.
 *
 * @module onceonly/opentelemetry
 */

export { type Instrumentation, type InstrumentOptions, instrument } from "./instrument.ts";
