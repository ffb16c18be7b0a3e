/** A failure that the command line tells in one sentence. */
export class CliError extends Error {}
