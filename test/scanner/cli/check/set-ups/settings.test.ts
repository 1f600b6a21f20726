import { setUpsOfSettings } from './set-ups.ts'
import { trySetUps } from './try-set-ups.ts'

trySetUps(setUpsOfSettings, 3)
