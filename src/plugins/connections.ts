import type { RequestListener, Server } from "node:http";
import type { Socket } from "node:net";

const mostWaiting = 32;

/**
 * Keeps one caller from filling the memory with answers that nobody reads: pipelined requests are answered one after
 * the other, a connection with too many of them is cut, and so is every connection beyond `mostConnections`.
 */
export function limitConnections(server: Server, mostConnections: number): void {
  server.maxConnections = mostConnections;
  const [answer] = server.listeners("request") as RequestListener[];
  if (!answer) throw new Error("the server has no listener for requests yet");
  const waiting = new WeakMap<Socket, number>();
  server.removeAllListeners("request").on("request", (request, response) => {
    // node gives a response its socket when all of the one before has left
    if (response.socket) return answer(request, response);
    const { socket } = request;
    const count = (waiting.get(socket) ?? 0) + 1;
    if (count > mostWaiting) return void socket.destroy();
    waiting.set(socket, count);
    response.once("socket", () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      // node still flushes the response after this event, and goes on when the connection was cut
      if (!socket.destroyed) process.nextTick(answer, request, response);
    });
  });
}
