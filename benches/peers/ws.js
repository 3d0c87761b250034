// A broadcast server as one writes it by hand with the npm package ws, for `loadgen compare`.
//
// {"subscribe":["a","b"]} is answered by {"subscribed":2}; any other message is an update, which goes as it is to whoever
// subscribed to its "symbol".
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { WebSocketServer } = require("ws");

const subscribers = new Map();

function subscribe(socket, symbols) {
  for (const symbol of symbols) {
    let sockets = subscribers.get(symbol);
    if (!sockets) subscribers.set(symbol, (sockets = new Set()));
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  }
  socket.send(JSON.stringify({ subscribed: symbols.length }));
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
server.on("connection", (socket) => {
  socket.setMaxListeners(0);
  socket.on("error", (error) => console.error(error.message));
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.subscribe) return subscribe(socket, message.subscribe);
    for (const subscriber of subscribers.get(message.symbol) ?? []) subscriber.send(data, { binary: false });
  });
});
