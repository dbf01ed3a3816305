/**
 * Options with a value for each. `Required` would leave `undefined` in them in an app with `exactOptionalPropertyTypes`: options allow it
 * there, as "not given".
 */
export type AllGiven<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> }
