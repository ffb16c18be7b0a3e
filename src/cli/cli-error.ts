/** What keeps a command from giving an answer, in one sentence for whoever typed it. The process then ends with code 2. */
export class CliError extends Error {}
