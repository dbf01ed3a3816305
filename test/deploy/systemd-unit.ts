import { textOf } from './repository-files.js'

export const UNIT_FILE = 'deploy/holdfast.service'

/** The settings of the systemd unit, by their names. A name that is given twice has both values. */
export function unitSettings (): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>()
  for (const [, name = '', value = ''] of textOf(UNIT_FILE).matchAll(/^(\w+)=(.*)$/gm)) settings.set(name, [...settings.get(name) ?? [], value])
  return settings
}
