import { element } from './element.js'

/**
 * Asks for the admin listener's token.
 *
 * @param {string} why
 * @returns {Promise<string | undefined>} undefined if none was given
 */
export function askToken (why) {
  const input = element('input', { id: 'token', type: 'password', autocomplete: 'off', required: '', autofocus: '' })
  const form = element('form', {},
    element('h2', { id: 'token-title' }, 'Token'), element('p', {}, why),
    element('label', { for: 'token' }, 'Token of the admin listener '), input,
    element('div', { class: 'buttons' }, element('button', { type: 'submit' }, 'Continue')))
  const dialog = element('dialog', { 'aria-labelledby': 'token-title' }, form)
  return new Promise(resolve => {
    form.addEventListener('submit', event => {
      event.preventDefault()
      dialog.close(input.value)
    })
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === '' ? undefined : dialog.returnValue)
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
