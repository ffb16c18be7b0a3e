/** The adapter under the name that it has since Prisma 7. Not TypeScript, since without Prisma 6 it has no types. */
export { PrismaLibSQL as PrismaLibSql } from "@prisma/adapter-libsql";
