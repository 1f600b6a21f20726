import { accessSync, constants, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { type Chain, checkChain, findChain } from '../../doors/queue/chain.ts'
import { errorText } from '../../fault.ts'
import { obstacle } from './account.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { accountText, type Host } from './host.ts'

/** The program in the slot, and the next one, which gets the mail from it. */
export function checkPrograms(host: Host): Finding[] {
  return [...checkSlotProgram(host), ...checkNextProgram(host)]
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
  if (env.QMAILQUEUE === undefined) return [ok('slot', `${program} (QMAILQUEUE is not set here)`)]
  if (/^onescan/.test(basename(realpathSync(program)))) return [ok('slot', program)]
  return [warning('slot', `QMAILQUEUE is ${program}`, 'see that it calls onescan-queue')]
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
