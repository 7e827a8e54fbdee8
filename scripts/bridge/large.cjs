// Loaded into supergateway, which reads bodies with Express' own limit of 100 kB: arguments of a tool may be
// larger. Its express is the one beside it.
"use strict";

const { dirname } = require("node:path");
const { realpathSync } = require("node:fs");

const folder = dirname(realpathSync(process.argv[1]));
const express = require(require.resolve("express", { paths: [folder] }));
const { json } = express;

express.json = (options) => json({ ...options, limit: "16mb" });
