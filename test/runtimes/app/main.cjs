// `require` of ES modules.
require("onceonly");
const { depositTwice } = require("./deposit.js");
const { PrismaClient } = require("./generated/javascript/index.js");
const { openSqlite } = require("./sqlite.js");

void depositTwice(openSqlite(PrismaClient)).then((told) => console.log(JSON.stringify(told)));
