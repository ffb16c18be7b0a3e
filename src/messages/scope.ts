/** The scope of inbox records: apart from those of users, whatever the names of consumers and operations are. */
export const SCOPE = "onceonly/messages";
