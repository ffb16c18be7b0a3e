/** The scope of inbox records: it keeps them apart from users' records, whatever consumers and operations are called. */
export const SCOPE = "onceonly/messages";
