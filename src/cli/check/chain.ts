import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { type Chain, checkChain, findChain } from '../../doors/queue/chain.ts'
import { errorText } from '../../fault.ts'
import { obstacle } from './account.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { accountText, type Host } from './host.ts'
import { LINK } from './removal.ts'

/** The program in the slot, and the next one, which gets the mail from it. */
export function checkPrograms(host: Host): Finding[] {
  return [...checkSlotProgram(host), ...checkLink(host), ...checkNextProgram(host)]
}

function checkSlotProgram(host: Host): Finding[] {
  const { env, program } = host
  try {
    accessSync(program, constants.X_OK)
    const barrier = obstacle(host.account, program, 'execute')
    if (barrier !== undefined) return [barred('slot', program, barrier, host)]
  } catch (thrown) {
    return [error('slot', errorText(thrown), 'mail is deferred; set QMAILQUEUE to onescan-queue')]
  }
  if (isRealQueue(program)) {
    const value = `${program} leads to ${realpathSync(program)}: mail is not scanned`
    return [error('slot', value, `point it to onescanc or onescan-queue (${LINK}: by ln -sfn)`)]
  }
  if (env.QMAILQUEUE === undefined) return [ok('slot', `${program} (QMAILQUEUE is not set here)`)]
  if (/^onescan/.test(basename(realpathSync(program)))) return [ok('slot', program)]
  return [warning('slot', `QMAILQUEUE is ${program}`, 'see that it calls onescan-queue')]
}

/** By its name, as notqmail, netqmail and IndiMail have it. */
function isRealQueue(program: string): boolean {
  return basename(realpathSync(program)) === 'qmail-queue'
}

/** The link of the Debian package, where nothing says yet who is in the slot: mail goes by it later. */
function checkLink({ env }: Host): Finding[] {
  if (env.QMAILQUEUE !== undefined || !existsSync(LINK) || !isRealQueue(LINK)) return []
  const value = `leads to ${realpathSync(LINK)}: mail by way of it is not scanned`
  return [error(LINK, value, `ln -sfn /usr/lib/onescan/onescanc ${LINK}`)]
}

function checkNextProgram(host: Host): Finding[] {
  let chain: Chain
  try {
    chain = findChain([], host.env, host.place)
    checkChain(chain, host.program)
  } catch (thrown) {
    return [error('chain', errorText(thrown), 'mail is deferred; see QUEUECHAIN')]
  }
  const { program, args } = chain
  const barrier = obstacle(host.account, program, 'execute')
  if (barrier !== undefined) return [barred('chain', program, barrier, host)]
  return [ok('chain', [program, ...args].join(' '))]
}

function barred(what: string, program: string, barrier: string, host: Host): Finding {
  const value = `${accountText(host)} cannot execute ${program}`
  return error(what, value, `mail is deferred; look at the owner, group and mode of ${barrier}`)
}
