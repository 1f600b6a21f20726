import { closeSync, writeSync } from 'node:fs'
import type { Clocks } from '../../ground/flow/clocks.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import { findNext } from '../shared/server-program.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import { GateLog } from './gate-log.ts'
import { dropPrivileges, openListeners, requireSockets, roomFor } from './preparations.ts'
import { Receiver } from './receiver.ts'
import { Reception } from './reception.ts'
import { RememberedClients } from './remembered-clients.ts'
import { WaitingRoom } from './waiting-room.ts'

const DONE = 0
/** Milliseconds between two writes of the file of remembered clients; a crash loses what came since. */
const SAVE_EVERY = 60_000

/**
 * Runs the gate, which stands in the place of tcpserver (smtp-delay(8), THE GATE), until SIGTERM or
 * SIGINT. Returns the exit code; programs that still serve clients then run on by themselves.
 * Throws a Fault if the gate cannot start.
 */
export async function keepGate(
  options: DelayOptions,
  gate: GateOptions,
  env: Environment,
  clocks: Clocks,
): Promise<number> {
  const next = findNext(options.words, env)
  const sockets = await requireSockets()
  const room = new WaitingRoom(roomFor(gate))
  const listeners = openListeners(gate, sockets)
  const { uptime } = clocks
  const log = new GateLog({ verbose: options.verbose, quiet: gate.quiet, sockets, uptime })
  const trouble = (why: string) => log.trouble(why)
  dropPrivileges(gate) // before the file of remembered clients is read, which others may have written
  const remembered = new RememberedClients({
    ...clocks,
    ...gate,
    file: gate.rememberFile,
    log: trouble,
  })
  if (gate.rules) findTcpRule(gate.rules, '', undefined) // so that a broken file is known now
  const receiver = new Receiver({
    options,
    gate,
    env,
    next,
    sockets,
    room,
    remembered,
    log,
    uptime,
  })
  const reception: Reception = new Reception({
    sockets,
    listeners,
    arrive: (peer) => receiver.arrive(peer, reception),
    exhausted: () => log.trouble('descriptors or memory are used up; raise the limit (ulimit -n)'),
  })
  process.on('SIGHUP', () => receiver.reload())
  const saving = setInterval(() => void remembered.save(), SAVE_EVERY)
  if (gate.printPort) writeSync(1, `${sockets.localEndpoint(listeners[0]!)?.port}\n`)

  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, resolve)
  })
  clearInterval(saving)
  reception.stop()
  for (const listener of listeners) closeSync(listener)
  receiver.sendAllAway('this server is being restarted; come again in a minute')
  await remembered.save()
  log.end()
  return DONE
}
