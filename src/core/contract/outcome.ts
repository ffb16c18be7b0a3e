/**
 * What a handler's answer does to its run.
 *
 * - `"commit"`: its writes and the answer are committed, and every duplicate gets the answer.
 * - `"store"`: its writes are undone, the answer is stored, and every duplicate gets it.
 * - `"release"`: its writes are undone and nothing is stored. This caller gets the answer; a retry executes.
 */
export type Outcome = "commit" | "store" | "release";
