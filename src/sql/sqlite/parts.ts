/** The form in which Prisma writes and reads times. All have the same length, so comparing the texts compares the times. */
export const NOW = "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')";
