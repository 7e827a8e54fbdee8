// Loaded into a server that listens on every interface and has no setting for it
// (server-everything: `app.listen(PORT)`): without an address given, it listens on loopback.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function (port, ...rest) {
  const portOnly = /^\d+$/.test(String(port)) && typeof rest[0] !== "string";
  return listen.call(this, port, ...(portOnly ? ["127.0.0.1", ...rest] : rest));
};
