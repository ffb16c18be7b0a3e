/** The SQL that tests send beside Prisma is PostgreSQL's, as far as it is not standard. Says the same to MariaDB. */
export function inMariadb(sql: string, parameters: (string | number | null)[]) {
  return {
    sql: sql
      .replaceAll(/\+ \$\d+::interval/g, "+ INTERVAL ? SECOND")
      .replaceAll(/::\w+/g, "")
      .replaceAll(
        /extract\(epoch FROM (\S+) - ([^)]*\(\))\)/g,
        "TIMESTAMPDIFF(MICROSECOND, $2, $1) / 1000000",
      )
      .replaceAll(/\(LIKE (\w+) INCLUDING ALL\)/g, "LIKE $1")
      .replaceAll(/\$\d+/g, "?")
      .replaceAll(/\b(?:clock_timestamp|now)\(\)/g, "UTC_TIMESTAMP(3)")
      .replaceAll(
        /\binterval '(-?\d+) ?(\w+?)s?'/g,
        (_, count: string, unit: string) => `INTERVAL ${count} ${unit || "s"}`,
      )
      .replaceAll(/INTERVAL (-?\d+) s\b/g, "INTERVAL $1 SECOND")
      .replaceAll(/'(\d{4}-\d\d-\d\d)T([\d:.]+)\+00:00'/g, "'$1 $2'")
      // A reserved word there.
      .replaceAll(/(?<![\w"'`.])key(?![\w"'`])/g, '"key"'),
    parameters: parameters.map((value) =>
      /^-?[\d.]+ seconds$/.test(String(value)) ? Number.parseFloat(String(value)) : value,
    ),
  };
}
