import { loadFunctions } from '../runtime/c-functions.ts'
import { type SocketWatch, socketWatch, WATCH_FUNCTIONS } from './socket-watch.ts'
import { LISTENER_FUNCTIONS, type TcpListeners, tcpListeners } from './tcp-listeners.ts'
import { type TcpTraffic, TRAFFIC_FUNCTIONS, tcpTraffic } from './tcp-traffic.ts'

/**
 * TCP connections as bare descriptors, which no stream of the runtime reads: what a client has sent
 * stays in the kernel until another program takes it.
 *
 * Why bare descriptors and signals (measured with 10,000 silent connections): a socket of node:net
 * reads at once; if it is paused, it never reports that a client talks or leaves. An epoll(7) of
 * our own does, but neither runtime waits for a foreign descriptor: it would have to be polled, or
 * need a second thread. SIGIO (F_SETOWN, O_ASYNC of fcntl(2)) wakes the runtime's own loop, on Node
 * and on Bun. Accepting and watching 10,000 connections took 73 ms of processor time on Bun, and
 * waiting for them none. A connection costs less than 1 KB.
 *
 * A paused socket of node:net could be looked at each second (3.7 KB a connection on Node, 2.2 KB on
 * Bun, and a hundredth of a processor). But if descriptors are used up, Node closes new connections
 * without a word to anybody, and Bun tries to accept them again and again, with 40 % of a processor.
 * Here they wait in the kernel meanwhile, and the log says so.
 */
export type TcpSockets = TcpListeners & SocketWatch & TcpTraffic

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function openTcpSockets(): Promise<TcpSockets | undefined> {
  const c = await loadFunctions(...LISTENER_FUNCTIONS, ...WATCH_FUNCTIONS, ...TRAFFIC_FUNCTIONS)
  return c && { ...tcpListeners(c), ...socketWatch(c), ...tcpTraffic(c) }
}
