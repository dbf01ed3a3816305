// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// RFC 9110 section 5.5, as latin1 text. The control characters that could end a line are among what it does not match.
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** Whether a text can be a method or the name of a header. */
export function isToken (text: string): boolean {
  return TOKEN.test(text)
}

/** Whether a text can be the value of a header: each character is one byte, and none is a control character but the tab. */
export function isFieldValue (text: string): boolean {
  return !NO_VALUE.test(text)
}
