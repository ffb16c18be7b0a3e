/** Stands in for the application's own authentication: everybody is ada. */
export const user = { id: "ada" };
