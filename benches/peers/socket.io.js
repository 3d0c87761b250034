// A broadcast server as one writes it by hand with Socket.IO, for `loadgen compare`: a room for each symbol.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  socket.on("subscribe", (symbols, done) => {
    socket.join(symbols);
    done();
  });
  socket.on("publish", (update) => io.to(update.symbol).emit("update", update));
});
http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
