import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { basename } from 'node:path'
import { askToTell } from '../../../doors/slot-socket/tell.ts'
import { obstacle } from '../../../doors/stages/account.ts'
import { accountText } from '../../../doors/stages/stage.ts'
import { errorCode } from '../../../ground/errors/fault.ts'
import { type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { realPath } from '../../../ground/path/walk.ts'
import { SOCKET } from '../../shared/running-daemon.ts'
import { checkWithheldMail } from '../daemon/withheld-mail.ts'
import type { Host } from '../shared/host.ts'
import { howToStart } from '../shared/how-to-start.ts'

/** Milliseconds for an answer, which onescand has ready. */
const PATIENCE = 2_000
const REMEDY = 'mail is judged all the same, by a program that is started for each message'

/**
 * Checks the onescand that onescanc asks, if onescanc is the slot program: does it answer, may the
 * slot's account connect, and does it withhold mail from scanners?
 */
export async function checkOnescanc(host: Host): Promise<Finding[]> {
  if (!isOnescanc(host.program)) return []
  const path = host.env.ONESCAN_SOCKET || SOCKET
  const trouble = await connectionError(path)
  if (trouble !== undefined) {
    return [warning('onescand', `${path}: ${trouble}`, `${howToStart()}; ${REMEDY}`)]
  }
  const barrier = obstacle(host.account, realPath(path), 'write')
  if (barrier === undefined) {
    const reachable = ok('onescand', `${path}, asked by ${accountText(host)}`)
    const told = await askToTell(path, PATIENCE).catch(() => undefined)
    return [reachable, ...(told === undefined ? [] : checkWithheldMail(told.withheld))]
  }
  const value = `${path} is closed to ${accountText(host)}`
  const remedy = `give the service the group of ${barrier}: tcpserver -g "$(id -g onescan)", or chpst -u USER:onescan instead of setuidgid`
  return [warning('onescand', value, `${remedy}; ${REMEDY}`)]
}

/** Whether the slot program is onescanc and reaches an onescand, so that mail is not judged cold. */
export async function reachesOnescand({ program, env }: Host): Promise<boolean> {
  return isOnescanc(program) && (await connectionError(env.ONESCAN_SOCKET || SOCKET)) === undefined
}

/** Whether the slot program is onescanc, even through links. */
export function isOnescanc(program: string): boolean {
  try {
    return basename(realPath(program)) === 'onescanc'
  } catch {
    return false // another check reports it
  }
}

/**
 * Returns why nobody answers at this path; undefined if somebody does, or if this user may not
 * connect.
 */
function connectionError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error) => {
      const closed = errorCode(error) === 'EACCES' && statSync(path).isSocket()
      resolve(closed ? undefined : error.message)
    })
  })
}
