// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// Matches a character that RFC 9110 section 5.5 does not allow in a value, in latin1 text. CR and LF, which end a line, are among them.
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** Whether a text can be a method or the name of a header. */
export function isToken (text: string): boolean {
  return TOKEN.test(text)
}

/** Whether a text can be the value of a header: each character is one byte, and the tab is the only control character. */
export function isFieldValue (text: string): boolean {
  return !NO_VALUE.test(text)
}
