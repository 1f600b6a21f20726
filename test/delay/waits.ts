/** Options of smtp-delay that set how long clients wait. */

/** Clients of every class wait for this many seconds. */
export function allWait(seconds: number): readonly string[] {
  return ['-d', '-D', '-N'].flatMap((option) => [option, String(seconds)])
}

/** The DNS server with this port is asked. */
export function namesFrom(server: string, seconds: number): readonly string[] {
  return ['--dns', server, '--dns-timeout', String(seconds)]
}

/** A DNS server is asked that does not answer, so that every client is ordinary. */
export const NO_NAMES = namesFrom('127.0.0.1:9', 0.05)

/** Early talkers are not held. */
export const NO_PENALTY = ['-P', '0']
