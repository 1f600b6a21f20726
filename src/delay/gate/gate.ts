import { closeSync, writeSync } from 'node:fs'
import { requireSystem } from '../../ground/runtime/system.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { GateOptions } from '../shared/gate-options.ts'
import type { DelayOptions } from '../shared/options.ts'
import { findNext } from '../shared/server-program.ts'
import { EARLY_TALKERS } from '../shared/wait-outcome.ts'
import { findTcpRule } from './find-tcp-rule.ts'
import { GateLog } from './gate-log.ts'
import { dropPrivileges, openListeners, roomFor } from './preparations.ts'
import { Receiver } from './receiver.ts'
import { Reception } from './reception.ts'
import { RememberedClients } from './remembered-clients.ts'
import { WaitingRoom } from './waiting-room.ts'

const DONE = 0

/**
 * Runs the gate, which stands in the place of tcpserver (smtp-delay(8), THE GATE), until SIGTERM or
 * SIGINT. Returns the exit code; programs that still serve clients then run on by themselves.
 * Throws a Fault if the gate cannot start.
 */
export async function keepGate(
  options: DelayOptions,
  gate: GateOptions,
  env: Environment,
  uptime: () => number,
): Promise<number> {
  const next = findNext(options.words, env)
  const sockets = requireSystem(EARLY_TALKERS)
  const room = new WaitingRoom(roomFor(gate))
  const listeners = openListeners(gate, sockets)
  const log = new GateLog({ verbose: options.verbose, quiet: gate.quiet, sockets, uptime })
  dropPrivileges(gate)
  const remembered = new RememberedClients(gate.remember, uptime)
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
  if (gate.printPort) writeSync(1, `${sockets.localEndpoint(listeners[0]!)?.port}\n`)

  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, resolve)
  })
  reception.stop()
  for (const listener of listeners) closeSync(listener)
  receiver.sendAllAway('this server is being restarted; come again in a minute')
  log.end()
  return DONE
}
