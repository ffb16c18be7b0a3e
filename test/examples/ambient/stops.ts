/** A driver adapter that tells of each statement before it is sent: places to stop that no application has to know. */
import type { SqlDriverAdapterFactory, SqlQuery, SqlQueryable } from "@prisma/driver-adapter-utils";

/** The statement goes on when it resolves. */
export type OnStatement = (statement: string) => Promise<void>;

export function stoppable(
  factory: SqlDriverAdapterFactory,
  onStatement: OnStatement,
): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => stoppableQueryable(await factory.connect(), onStatement),
  };
}

function stoppableQueryable<T extends SqlQueryable>(queryable: T, onStatement: OnStatement): T {
  return new Proxy(queryable, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      switch (name) {
        case "queryRaw":
        case "executeRaw":
          return async (query: SqlQuery) => {
            await onStatement(query.sql);
            return call(query);
          };
        case "startTransaction":
          return async (...args: unknown[]) => {
            await onStatement("(begin)");
            return stoppableQueryable((await call(...args)) as SqlQueryable, onStatement);
          };
        case "commit":
          return async () => {
            await onStatement("(commit)");
            await call();
            await onStatement("(committed)");
          };
        default:
          return call;
      }
    },
  });
}
