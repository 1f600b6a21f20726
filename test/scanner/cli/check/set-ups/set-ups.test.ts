import { setUpsOfPrograms } from './set-ups.ts'
import { trySetUps } from './try-set-ups.ts'

trySetUps(setUpsOfPrograms)
