import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { siblingCommand } from '../../../../base/runtime/compiled-program.ts'
import { environmentOfCommand } from '../../../../base/settings/child-environment.ts'
import { descriptionFrame } from '../../../protocol/slot/daemon-description.ts'
import { CALLER, type ServiceCommand } from '../../../protocol/slot/service-run.ts'
import { COMMAND_STREAMS, frame, RUN } from '../../../protocol/slot/slot-frames.ts'
import type { DaemonQuestion } from './request.ts'
import { ScanStandalone } from './scan-standalone.ts'
import type { SlotSocketOptions } from './slot-options.ts'

/** The client that asks about onescand. */
interface DaemonClient {
  readonly socket: Socket
  /** Takes what the command reads. */
  readonly reader: { onInput: (bytes: Buffer) => void }
  readonly gone: AbortSignal
}

/**
 * Resolves to the answer about onescand itself. Only root and onescand's own account, as the kernel reports them,
 * learn how it runs, and may have it run a command.
 */
export async function answerAboutDaemon(
  question: DaemonQuestion,
  client: DaemonClient,
  { identifyPeer, describe, ownArgs = [] }: SlotSocketOptions,
): Promise<Buffer> {
  const uid = identifyPeer(client.socket)?.uid
  const isTrusted = uid === 0 || uid === process.geteuid!()
  if (question.kind === 'describe')
    return descriptionFrame(isTrusted ? await describe?.(question.wantsSelfTest) : undefined)
  if (!isTrusted) throw new ScanStandalone('only root may run commands')
  return runCommandHere(question.command, client, ownArgs)
}

/**
 * Runs a command, and copies its output to the socket. Resolves to the last frame, which contains the exit
 * code, or 255 if the command was killed. The command ends with the connection. Rejects if the text is not a
 * command. (runProgram() would give it all input at once, and return its output only at the end.)
 */
async function runCommandHere(
  command: string,
  { socket, reader, gone }: DaemonClient,
  ownArgs: readonly string[],
): Promise<Buffer> {
  const { program, args, caller } = JSON.parse(command) as ServiceCommand
  const env = environmentOfCommand(process.env)
  const more = program === 'onescand' ? ['--running', ...ownArgs] : []
  const [file, ...all] = siblingCommand(program, ...args, ...more)
  const child = spawn(file, all, {
    env: { ...env, ...(program === 'onescan' && { [CALLER]: caller }) },
    stdio: 'pipe',
    signal: gone,
    killSignal: 'SIGKILL',
  })
  const ended = once(child, 'close')
  ended.catch(() => {}) // copying fails before
  child.stdin.on('error', () => {}) // it reads no more
  reader.onInput = (bytes) => {
    if (bytes.length > 0) child.stdin.write(bytes)
    else child.stdin.end()
  }
  const copy = async (stream: Readable, type: string) => {
    for await (const piece of stream) {
      if (!socket.write(frame(type, piece))) await once(socket, 'drain', { signal: gone })
    }
  }
  await Promise.all([
    copy(child.stdout, COMMAND_STREAMS.output),
    copy(child.stderr, COMMAND_STREAMS.errors),
  ])
  const [code] = (await ended) as [number | null]
  return frame(RUN, Buffer.of(code ?? 255))
}
