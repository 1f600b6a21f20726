/**
 * The interface of the reading of mail: all that other components import from it, except for a few functions that
 * programs load when they first need them, such as `contentsOf` (contents.ts). What is exported here, each program
 * loads at its start.
 */
export { LimitExceeded, limits } from './budget/limits.ts'
export { type EmittedMail, type Steps, WORK_PER_TURN, Work } from './budget/work.ts'
export { plainName } from './headers/fields.ts'
export { FILE_STARTS, textPropertiesOf } from './leaves/text-properties.ts'
export { isNestedDeeper } from './nested.ts'
export { MemoryPool, Store } from './storage/store.ts'
export type { Oddity, PartNames } from './traits/mail-traits.ts'
export {
  contentForms,
  firstFields,
  multipartForms,
  type PartForm,
} from './traits/mail-traits.ts'
