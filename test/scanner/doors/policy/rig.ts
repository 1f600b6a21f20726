import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import {
  createPolicyDoor,
  type PolicyServices,
} from '../../../../src/scanner/doors/policy/policy-service.ts'

/** Mailboxes, with what they hold and may hold. */
export const mailboxes = {
  'full@example.org': [100, 100],
  'half@example.org': [50, 100],
} as const

/** Opens a policy service; resolves to it and its port. */
export async function openPolicyDoor(
  t: Test,
  policy: PolicyServices,
  maxConnections: number,
  log: (line: string) => void = () => {},
) {
  const service = createPolicyDoor(policy, { maxConnections, log })
  service.server.listen(0, '127.0.0.1')
  await once(service.server, 'listening')
  t.teardown(() => service.close(0))
  return { service, port: (service.server.address() as AddressInfo).port }
}
