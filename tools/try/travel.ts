import { check, type Expectation } from './check.ts'
import type { Host, HostName } from './hosts.ts'
import { type Passage, send } from './passage.ts'
import { relay } from './relay.ts'

/** One host that a message comes to. */
export interface Hop {
  readonly host: HostName
  /** Beside the host's own environment. */
  readonly settings?: Readonly<Record<string, string>>
  readonly expect: Expectation
}

export interface Route {
  readonly name: string
  readonly about: string
  /** How detailed the report of it is where all is as it should be. */
  readonly detail: 'in full' | 'in short' | 'in a line'
  /** The message, made when its turn has come: a replay takes what was delivered before, if anything was. */
  readonly message: (before: readonly HopResult[]) => Buffer | undefined
  readonly hops: readonly Hop[]
}

export interface HopResult {
  readonly route: Route
  readonly hop: Hop
  /** Undefined where no host before delivered anything that could be sent on. */
  readonly passage: Passage | undefined
  /** One line for each thing that is not as it should be. */
  readonly problems: readonly string[]
}

/** Sends a message, if there is one, to the first host of its route, and what that delivers to the next one. */
export async function* travel(
  message: Buffer | undefined,
  route: Route,
  hosts: Readonly<Record<HostName, Host>>,
): AsyncGenerator<HopResult> {
  let arriving: Buffer | undefined = message
  for (const [index, hop] of route.hops.entries()) {
    if (arriving === undefined) {
      yield { route, hop, passage: undefined, problems: ['the message did not get here'] }
      continue
    }
    const passage: Passage = await send(hosts[hop.host], arriving, hop.settings)
    yield { route, hop, passage, problems: check(passage, hop.expect) }
    const next = route.hops[index + 1]
    arriving = next && passage.delivery && relay(passage.delivery, hop.host, next.host, new Date())
  }
}
