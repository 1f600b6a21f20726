import type { Environment } from '../../../../src/base/process/environment.ts'
import type { Host } from '../../../../src/scanner/cli/check/slot/slot-hosts.ts'
import { isOnescanc } from '../../../../src/scanner/cli/check/slot/slot-program.ts'
import { host as stageHost } from '../../readiness/host.ts'
import { slotProgram } from '../onescan.ts'

/** A host with these variables, whose slot is the built onescan-queue, and on which all else is well. */
export function host(env: Environment, more: Partial<Host> = {}): Host {
  const program = more.program ?? slotProgram
  return {
    ...stageHost(env, more),
    limits: {},
    mayRelay: false,
    ...more,
    program,
    asksOnescand: isOnescanc(program),
  }
}
