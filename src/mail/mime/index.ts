/**
 * The interface of the reading of mail: all that other components import from it, except for a few functions that
 * programs load when they first need them, such as `contentsOf` (contents.ts). What is exported here, each program
 * loads at its start.
 */
export { LimitExceeded, limits } from './budget/limits.ts'
export {
  type EmittedMail,
  type LeftUnread,
  type Steps,
  WORK_PER_TURN,
  Work,
} from './budget/work.ts'
export { fileKindOf, hasContentField } from './leaves/file-kind.ts'
export { FILE_STARTS, textPropertiesOf } from './leaves/text-properties.ts'
export type { Oddity } from './reports/oddities.ts'
export type { PartNames } from './reports/part-names.ts'
export { MemoryPool } from './storage/memory-pool.ts'
export { Store } from './storage/store.ts'
