import { GROUPS, nameOf, rowsOf } from '../src/options/table.js'
import type { OptionGroup, OptionRow } from '../src/options/table.js'

type Schema = Record<string, unknown>

/** holdfast.schema.json: what of the options JSON can hold. */
export function optionsAsJsonSchema (): string {
  const both = propertiesOf('gateway and route')
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Options of Holdfast',
    description: 'Made from the table of options. null stands for Infinity.',
    type: 'object',
    properties: {
      gateway: { $ref: '#/$defs/gateway' },
      routes: { type: 'array', items: { $ref: '#/$defs/proxy' } }
    },
    additionalProperties: false,
    $defs: {
      gateway: objectOf({ ...both, ...propertiesOf('gateway') }, 'Options of the gateway plugin.'),
      proxy: objectOf({ ...both, ...propertiesOf('route') }, 'Options of the proxy plugin.')
    }
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function objectOf (properties: Schema, description: string, required: readonly string[] = []): Schema {
  return { type: 'object', description, properties, ...required.length === 0 ? {} : { required }, additionalProperties: false }
}

function propertiesOf (place: OptionRow['place']): Schema {
  const groups = GROUPS.filter(group => group.place === place && group.path !== '' && !group.path.includes('.'))
  return { ...valuesOf(rowsOf('', place)), ...Object.fromEntries(groups.map(group => [group.path, groupSchema(group)])) }
}

function groupSchema (group: OptionGroup): Schema {
  const rows = rowsOf(group.path)
  const properties = valuesOf(rows)
  for (const inner of GROUPS.filter(({ path }) => path.startsWith(`${group.path}.`))) {
    // With a base, names that are not in the table are Node's.
    const schema = objectOf(valuesOf(rowsOf(inner.path)), inner.text, requiredOf(inner))
    properties[nameOf(inner.path)] = { ...schema, additionalProperties: inner.base !== undefined }
  }
  const schema = objectOf(properties, group.text, requiredOf(group))
  return group.orFalse === true ? { anyOf: [{ const: false }, schema] } : schema
}

function requiredOf ({ path }: OptionGroup): readonly string[] {
  return rowsOf(path).filter(({ required }) => required === true).map(row => nameOf(row.path))
}

function valuesOf (rows: readonly OptionRow[]): Schema {
  const held = rows.filter(({ kind }) => kind.schema !== undefined)
  return Object.fromEntries(held.map(row => [nameOf(row.path), { ...row.kind.schema, description: row.text, ...row.default === undefined ? {} : { default: row.default } }]))
}
