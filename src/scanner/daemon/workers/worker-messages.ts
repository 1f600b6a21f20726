import type { ChildProcess } from 'node:child_process'
import type { ProcessReport } from '../../observe/live/process-report.ts'
import type { HostEvents } from '../../scan/verdicts/host-memory.ts'
import type { SelfTestAnswer, SelfTestQuestion } from '../self-test/self-tests.ts'

/** The messages between the first process and its workers. Each is JSON on the channel of a worker. */

/** An order to a worker. If the channel closes, the worker ends at once. */
export type WorkerOrder = 'reload' | 'report' | 'stop'

type MessageToWorker =
  | { readonly kind: 'order'; readonly order: WorkerOrder }
  | { readonly kind: 'events'; readonly events: HostEvents }
  | { readonly kind: 'self-test'; readonly question: SelfTestQuestion }

/** A message of a worker to the first process. */
export type MessageOfWorker =
  /** Sent each second. A worker with clients that must be answered may not be ended. */
  | { readonly kind: 'heartbeat'; readonly mustAnswer: boolean }
  /** The worker listens at these addresses. */
  | { readonly kind: 'serving'; readonly addresses: readonly string[] }
  | { readonly kind: 'events'; readonly events: HostEvents }
  | { readonly kind: 'report'; readonly report: ProcessReport }
  | { readonly kind: 'self-test'; readonly answer: SelfTestAnswer }

/** Sends to a worker. Does nothing if the worker has ended, or is about to. */
export function sendToWorker(worker: ChildProcess, message: MessageToWorker): void {
  if (worker.connected) worker.send(message, () => {})
}

/** Calls `receive` with each message of a worker. */
export function receiveFromWorker(
  worker: ChildProcess,
  receive: (message: MessageOfWorker) => void,
): void {
  worker.on('message', receive)
}

/** Sends from this worker to the first process. Does nothing if that has ended. */
export function sendToFirstProcess(message: MessageOfWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Calls `receive` with each message of the first process to this worker. */
export function receiveFromFirstProcess(receive: (message: MessageToWorker) => void): void {
  process.on('message', receive)
}
