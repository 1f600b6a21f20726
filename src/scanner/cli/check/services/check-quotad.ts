import { once } from 'node:events'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { type CheckLine, ok } from '../../../../base/check/check-line.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { accountReport, TEST_OF_SERVICE } from '../../root/account-report.ts'
import type { RunningCommand } from '../../root/follow.ts'
import {
  changedSince,
  checkAccount,
  checkState,
  checkSupervised,
  isStarted,
} from './service-state.ts'

const SERVICE = 'onescan-quotad'
/** The socket where it reports its check lines to root: onescan-quotad-check.socket. */
const CHECK_SOCKET = '/run/onescan/quotad.sock'

/** Checks onescan-quotad, if this host starts it: its state in systemd, and its own report. */
export async function* checkQuotadHere(): AsyncGenerator<CheckLine> {
  if (!isStarted(SERVICE)) return
  const unit = askSystemd(`${SERVICE}.service`)
  // A connection would start it.
  const runs = unit?.active === 'active'
  if (unit === undefined) {
    yield ok(SERVICE, 'has a run script under supervise; onescan quota USER tests it')
    yield* checkSupervised(SERVICE)
    return
  }
  const gone = checkAccount(SERVICE, runs)
  if (gone.length > 0) return yield* gone
  yield* checkState(SERVICE, runs, true)
  if (runs && process.getuid!() === 0) {
    yield* changedSince(SERVICE, unit.since)
    for (const checkLine of await accountReport(ask(), SERVICE, TEST_OF_SERVICE))
      yield ofQuotad(checkLine)
  }
}

const ofQuotad = (checkLine: CheckLine): CheckLine => {
  const { what } = checkLine
  return { ...checkLine, what: what === SERVICE ? what : `${what} [${SERVICE}]` }
}

/** It reports its check lines to each client that connects, and hangs up. */
function ask(): RunningCommand {
  const socket = connect(CHECK_SOCKET)
  const exit = once(socket, 'end').then(() => 0)
  exit.catch(() => {}) // the caller that awaits it gets the error
  return {
    stdin: null,
    stdout: socket,
    stderr: new PassThrough().end(),
    exit,
    close: () => void socket.destroy(),
  }
}
