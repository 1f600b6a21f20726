import {
  contentForms,
  type FormSet,
  firstFields,
  multipartForms,
} from '../../../../../src/mail/mime/traits/part-forms.ts'

/** What a scanner extracts that extracts every form of part. */
export const everyForm: FormSet = {
  firstFields,
  contents: contentForms,
  multiparts: multipartForms,
}
