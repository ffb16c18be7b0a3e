/** Why a command could not do what it was asked to, in one sentence: the program prints the message, and exits with 2. */
export class CliError extends Error {}
