/** The adapter under the name that it has since Prisma 7. */
export { PrismaLibSQL as PrismaLibSql } from "@prisma/adapter-libsql";
