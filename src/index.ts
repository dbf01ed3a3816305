export { gateway } from '../plugins/gateway.js'
// By the names of `@fastify/http-proxy` too, so that an import of it works with the package's name replaced.
export { proxy, proxy as default, proxy as fastifyHttpProxy } from '../plugins/proxy.js'
export type { ProxyOptions, ProxyOptions as FastifyHttpProxyOptions } from './gateway/proxy-options.js'
export { getGateway } from './gateway/state.js'
export type { Gateway } from './gateway/gateway.js'
export type { PressureOptions } from '../plugins/pressure.js'
export { HoldfastError } from './errors.js'
export type { Blame, ErrorCode } from './errors.js'
export type { ConnectFunction, NodeConnectOptions } from './options/connect-types.js'
export type { AffinityOption, ResolvedAffinity } from './options/affinity-option.js'
export type {
  AdminOptions, ConnectOptions, DiscoveryOptions, DrainOptions, EjectionOptions, EndpointOptions, GatewayOptions, HealthCheckOptions,
  InspectorOptions, KubernetesOptions, LogOptions, MetricsOptions, PoolOptions, RetryOptions, RouteOptions, TargetOptions, UndiciOptions,
  WholeGatewayOptions
} from './options/option-types.js'
export type { DiscoveryFunction, GivenEndpoint, GivenOrigin, UpstreamOption } from './options/upstream-option.js'
export type { AllGiven } from './options/all-given.js'
export type { ResolvedDiscovery, ResolvedTargetOptions, ResolvedUndiciOptions, TargetPatch } from './options/target-options.js'
export type { ConnectionSnapshot } from './connection/connection.js'
export type {
  CloseReason, ConnectionObserver, ConnectionView, EndpointChange, Persistence, Provenance, ResponseView, RetryReason
} from './connection/observer.js'
export type { EndpointSnapshot } from './endpoint/endpoint-snapshot.js'
export type { EjectionCause, EndpointState } from './endpoint/endpoint-state.js'
export type { DiscoveryView } from './discovery/discovery.js'
export type { DiscoveryFault, FaultKind } from './discovery/source.js'
export type { TargetEndpoints } from './target/target-endpoints.js'
export { provenanceOf } from './forward/tracked-response.js'
export { maskUrl } from './http/mask-url.js'
export { lineMask } from './http/mask-line.js'
export type { MaskLine } from './http/mask-line.js'
export type { MaskedNames } from './http/secret-names.js'
export { requestSerializer } from './gateway/request-serializer.js'
export type { LoggedRequest, SerializedRequest } from './gateway/request-serializer.js'
export type { PersistenceSignal } from './http/connection-signal.js'
export type { IdleLimit } from './target/idle-limit.js'
export type { Target, TargetSnapshot } from './target/target.js'
export type { Totals } from './target/tally.js'
