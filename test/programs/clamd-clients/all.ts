import { clamdscanClients } from './clamdscan.ts'
import type { ClamdClient } from './client.ts'
import { eximClients } from './exim.ts'
import { milterClients } from './milters.ts'
import { npmClients } from './npm.ts'
import { rspamdClients } from './rspamd.ts'
import { serverClients } from './servers.ts'

export const clamdClients: readonly ClamdClient[] = [
  ...rspamdClients,
  ...eximClients,
  ...clamdscanClients,
  ...milterClients,
  ...serverClients,
  ...npmClients,
]
