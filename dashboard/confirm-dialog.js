import { element } from './element.js'

/**
 * Asks for confirmation. The focus is on the button that changes nothing, and Esc has the same effect. The browser returns the focus to the
 * element that had it.
 *
 * @param {{ title: string, text: string, action: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmed ({ title, text, action }) {
  const no = element('button', { type: 'button', autofocus: '' }, 'Leave it')
  const yes = element('button', { type: 'button', class: 'danger' }, action)
  const dialog = element('dialog', { 'aria-labelledby': 'question', 'aria-describedby': 'consequence' },
    element('h2', { id: 'question' }, title), element('p', { id: 'consequence' }, text), element('div', { class: 'buttons' }, no, yes))
  return new Promise(resolve => {
    no.addEventListener('click', () => dialog.close())
    yes.addEventListener('click', () => dialog.close('yes'))
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    document.body.append(dialog)
    dialog.showModal()
  })
}
