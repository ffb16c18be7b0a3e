// `require` of ES modules.
require("onceonly");
const { depositTwice } = require("./deposit.js");
const { PrismaClient } = require("./generated/javascript/index.js");

void depositTwice(PrismaClient).then((told) => console.log(JSON.stringify(told)));
