const VERSION = { groupVersion: 'discovery.k8s.io/v1', version: 'v1' }

const SLICES = {
  name: 'endpointslices', singularName: 'endpointslice', namespaced: true, kind: 'EndpointSlice', verbs: ['get', 'list', 'watch']
}

const DOCUMENTS: Readonly<{ [path: string]: object }> = {
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [{ name: 'discovery.k8s.io', versions: [VERSION], preferredVersion: VERSION }]
  },
  '/apis/discovery.k8s.io/v1': {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: 'discovery.k8s.io/v1',
    resources: [SLICES]
  },
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0', platform: 'linux/amd64' }
}

/** What the API server says of itself, for clients that ask which resources it has (kubectl). undefined for other paths. */
export function discoveryDocument (path: string): object | undefined {
  return DOCUMENTS[path]
}
