"""The exporters that are known, row by row: what their metrics measure, and how to make a value of them.

A row is needed where the name alone would mislead, where a family has an entity label of its own, or to say what is
important. All else is typed by metadata or by its ending, and read by the words of its name.
"""

from diagnosis.measures import Measure as M  # noqa: N817 - two hundred rows of it
from tools.metrics.entities import HOST_LABELS
from tools.metrics.rows import FamilyRow, Kind, Weight

_WORKLOAD = (
    "exported_pod", "pod", "deployment", "statefulset", "daemonset", "job_name", "cronjob", "persistentvolumeclaim",
    "container", "node",
)  # fmt: skip
_CONTAINER = ("pod", "pod_name", "container_label_com_docker_compose_service", "container", "name", "id")
# Of kube-state-metrics, whose own pod may be told by "pod" where it tells of other things than pods.
_OBJECT = (
    "exported_pod", "deployment", "statefulset", "daemonset", "job_name", "cronjob", "persistentvolumeclaim",
    "horizontalpodautoscaler", "replicaset", "pod", "container",
)  # fmt: skip
_MESH = ("destination_workload", "destination_service_name", "destination_canonical_service", "destination_service")
_REPORTERS = ("reporter",)  # both ends of a call tell of it
_REPLICAS = ("pod", "instance")
_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_IMPORTANT, _NORMAL, _NOISE = Weight.IMPORTANT, Weight.NORMAL, Weight.NOISE


def _row(
    pattern: str, kind: Kind | None, measure: M | None, example: str, output: str = "", weight: Weight = _IMPORTANT,
    entity: tuple[str, ...] = (), keep: dict[str, str] | None = None, scale: float = 1.0, on: tuple[str, ...] = (),
    total: str = "",
) -> FamilyRow:  # fmt: skip
    return FamilyRow(
        pattern=pattern, kind=kind, measure=measure, example=example, output=output, weight=weight,
        entity_labels=entity, keep=keep or {}, scale=scale, on=on, total=total,
    )  # fmt: skip


def _ratio(
    pattern: str, over: str, output: str, measure: M, example: str, on: tuple[str, ...] = (), complement: bool = False,
    entity: tuple[str, ...] = (), keep: dict[str, str] | None = None,
) -> FamilyRow:  # fmt: skip
    return FamilyRow(
        pattern=pattern, kind=Kind.RATIO, measure=measure, example=example, output=output, weight=_IMPORTANT,
        entity_labels=entity, keep=keep or {}, over=over, on=on, complement=complement,
    )  # fmt: skip


_REQUESTS = (
    # OpenTelemetry semantic conventions, new and old, in Prometheus's spelling and in their own
    _row(r"http[_.](server|client)[_.](request[_.])?duration(_(milli)?seconds)?", _HISTOGRAM, M.LATENCY, "http_server_request_duration_seconds"),
    _row(r"rpc[_.](server|client)[_.](call[_.])?duration(_(milli)?seconds)?", _HISTOGRAM, M.LATENCY, "rpc_server_duration_milliseconds"),
    _row(r"http[_.](server|client)[_.]active[_.]requests", _GAUGE, M.QUEUE, "http_server_active_requests", "http_inflight_active", _NORMAL),
    _row(r"db[_.]client[_.]operation[_.]duration(_seconds)?", _HISTOGRAM, M.LATENCY, "db_client_operation_duration_seconds"),
    _row(r"db[_.]client[_.]connections?[_.](wait[_.]time|create[_.]time|use[_.]time)(_(milli)?seconds)?", _HISTOGRAM, M.POOL_WAIT, "db_client_connections_wait_time_milliseconds", r"db_client_connection_wait_\2"),
    _row(r"db[_.]client[_.]connections?[_.](usage|count)", _GAUGE, M.POOL_USE, "db_client_connections_usage", "db_pool_used_connections", keep={"state": "used|"}),
    _row(r"db[_.]client[_.]connections?[_.]max", _GAUGE, M.LIMIT, "db_client_connections_max"),
    _row(r"db[_.]client[_.]connections?[_.]pending[_.]requests", _GAUGE, M.POOL_WAIT, "db_client_connections_pending_requests"),
    _row(r"messaging[_.](client|process)[_.](operation[_.])?duration(_seconds)?", _HISTOGRAM, M.LATENCY, "messaging_process_duration_seconds"),
    _row(r"gen_ai[_.](client[_.]operation|server[_.]request)[_.]duration(_seconds)?", _HISTOGRAM, M.LATENCY, "gen_ai_client_operation_duration_seconds"),
    # span metrics and service graphs of the collector and of Tempo
    _row(r"(traces_spanmetrics_|traces_span_metrics_)?calls_total", _COUNTER, M.TRAFFIC, "traces_spanmetrics_calls_total", "span_calls", entity=("service_name", "service")),
    _row(r"(traces_spanmetrics_latency|traces_span_metrics_duration_milliseconds|duration_milliseconds)", _HISTOGRAM, M.LATENCY, "traces_spanmetrics_latency", entity=("service_name", "service")),
    _row(r"traces_service_graph_request_total", _COUNTER, M.TRAFFIC, "traces_service_graph_request_total", "service_graph_requests", entity=("server",)),
    _row(r"traces_service_graph_request_failed_total", _COUNTER, M.ERRORS, "traces_service_graph_request_failed_total", entity=("server",)),
    _row(r"traces_service_graph_request_server_seconds", _HISTOGRAM, M.LATENCY, "traces_service_graph_request_server_seconds", "service_graph_server_duration_seconds", entity=("server",)),
    # Istio
    _row(r"istio_requests_total", _COUNTER, M.TRAFFIC, "istio_requests_total", entity=_MESH, on=_REPORTERS),
    _row(r"istio_request_duration_milliseconds", _HISTOGRAM, M.LATENCY, "istio_request_duration_milliseconds", entity=_MESH, on=_REPORTERS),
    _row(r"istio_tcp_connections_(opened|closed)_total", _COUNTER, M.CONNECTIONS, "istio_tcp_connections_opened_total", entity=_MESH, on=_REPORTERS, weight=_NORMAL),
    _row(r"istio_tcp_(sent|received)_bytes_total", _COUNTER, M.NETWORK, "istio_tcp_sent_bytes_total", r"network_tcp_\1_bytes", entity=_MESH, on=_REPORTERS, weight=_NORMAL),
    # gRPC and web frameworks
    _row(r"grpc_(server|client)_handled_total", _COUNTER, M.TRAFFIC, "grpc_server_handled_total", r"grpc_\1_requests"),
    _row(r"grpc_(server|client)_handling_seconds", _HISTOGRAM, M.LATENCY, "grpc_server_handling_seconds"),
    _row(r"http_server_requests_seconds", _HISTOGRAM, M.LATENCY, "http_server_requests_seconds", "http_server_requests_duration_seconds"),
    _row(r"(http_requests|http_server_requests|http_request)_total", _COUNTER, M.TRAFFIC, "http_requests_total"),
    _row(r"(flask|starlette|fastapi|django)_http_requests?(_total)?", _COUNTER, M.TRAFFIC, "starlette_http_requests_total", r"\1_http_requests"),
    _row(r"up", _GAUGE, M.UP, "up"),
)  # fmt: skip

_PLATFORM = (
    # cAdvisor and the kubelet
    _row(r"container_cpu_usage_seconds_total", _COUNTER, M.CPU, "container_cpu_usage_seconds_total", entity=_CONTAINER, total="container"),
    _row(r"container_memory_(working_set|rss|usage)_bytes", _GAUGE, M.MEMORY, "container_memory_working_set_bytes", entity=_CONTAINER),
    _row(r"container_memory_failcnt(_total)?", _COUNTER, M.ERRORS, "container_memory_failcnt", "container_memory_failures", entity=_CONTAINER, total="container"),
    _row(r"container_oom_events_total", _COUNTER, M.RESTARTS, "container_oom_events_total", entity=_CONTAINER, total="container"),
    _row(r"container_network_(receive|transmit)_bytes_total", _COUNTER, M.NETWORK, "container_network_receive_bytes_total", entity=_CONTAINER, weight=_NORMAL),
    _row(r"container_network_(receive|transmit)_packets_dropped_total", _COUNTER, M.NETWORK, "container_network_receive_packets_dropped_total", r"container_network_\1_packets_lost", entity=_CONTAINER),
    _row(r"container_network_(receive|transmit)_errors_total", _COUNTER, M.ERRORS, "container_network_transmit_errors_total", entity=_CONTAINER),
    _row(r"container_fs_(reads|writes)_bytes_total", _COUNTER, M.DISK_IO, "container_fs_writes_bytes_total", r"container_disk_io_\1_bytes", entity=_CONTAINER, total="container", weight=_NORMAL),
    _row(r"container_fs_usage_bytes", _GAUGE, M.DISK, "container_fs_usage_bytes", entity=_CONTAINER, weight=_NORMAL),
    _row(r"container_cpu_cfs_throttled_seconds_total", _COUNTER, M.THROTTLE, "container_cpu_cfs_throttled_seconds_total", entity=_CONTAINER, total="container"),
    _row(r"container_cpu_cfs_(throttled_)?periods_total", Kind.LEFT_OUT, None, "container_cpu_cfs_periods_total"),
    _row(r"container_(start_time_seconds|last_seen|spec_.*|tasks_state|scrape_error)", Kind.LEFT_OUT, None, "container_last_seen"),
    _row(r"container_pressure_cpu_waiting_seconds_total", _COUNTER, M.CPU, "container_pressure_cpu_waiting_seconds_total", "container_cpu_pressure", entity=_CONTAINER, total="container"),
    _row(r"container_pressure_memory_(waiting|stalled)_seconds_total", _COUNTER, M.MEMORY, "container_pressure_memory_stalled_seconds_total", "container_memory_pressure", entity=_CONTAINER, total="container"),
    _row(r"container_pressure_io_(waiting|stalled)_seconds_total", _COUNTER, M.DISK_IO, "container_pressure_io_stalled_seconds_total", "container_disk_io_pressure_wait", entity=_CONTAINER, total="container"),
    _row(r"container_.*", None, None, "container_file_descriptors", weight=_NOISE, entity=_CONTAINER, total="container"),
    _row(r"kubelet_volume_stats_used_bytes", _GAUGE, M.DISK, "kubelet_volume_stats_used_bytes", entity=("persistentvolumeclaim",)),
    # kube-state-metrics
    _row(r"kube_pod_container_status_restarts_total", _COUNTER, M.RESTARTS, "kube_pod_container_status_restarts_total", entity=_WORKLOAD),
    _row(r"kube_pod_container_status_(last_)?terminated_reason", _GAUGE, M.RESTARTS, "kube_pod_container_status_last_terminated_reason", "kube_pod_oom_kills", entity=_WORKLOAD, keep={"reason": "OOMKilled"}),
    _row(r"kube_pod_container_status_waiting_reason", _GAUGE, M.RESTARTS, "kube_pod_container_status_waiting_reason", "kube_pod_crashloop", entity=_WORKLOAD, keep={"reason": "CrashLoopBackOff|ImagePullBackOff|ErrImagePull|CreateContainerConfigError"}),
    _row(r"kube_pod_status_ready", _GAUGE, M.UP, "kube_pod_status_ready", entity=_WORKLOAD, keep={"condition": "true"}),
    _row(r"kube_deployment_status_replicas_(available|ready)", _GAUGE, M.UP, "kube_deployment_status_replicas_available", entity=("deployment",)),
    _row(r"kube_deployment_status_replicas_unavailable", _GAUGE, M.ERRORS, "kube_deployment_status_replicas_unavailable", "kube_deployment_failed_pods", entity=("deployment",)),
    _row(r"kube_deployment_spec_replicas", _GAUGE, M.LIMIT, "kube_deployment_spec_replicas", "kube_deployment_desired_replicas", entity=("deployment",)),
    _row(r"kube_statefulset_status_replicas_ready", _GAUGE, M.UP, "kube_statefulset_status_replicas_ready", entity=("statefulset",)),
    _row(r"kube_daemonset_status_number_unavailable", _GAUGE, M.ERRORS, "kube_daemonset_status_number_unavailable", "kube_daemonset_failed_pods", entity=("daemonset",)),
    _row(r"kube_horizontalpodautoscaler_(spec_max|status_desired)_replicas", _GAUGE, M.LIMIT, "kube_horizontalpodautoscaler_spec_max_replicas", entity=("horizontalpodautoscaler", "hpa"), weight=_NORMAL),
    _row(r"kube_node_status_condition", _GAUGE, M.UP, "kube_node_status_condition", "kube_node_ready", entity=("node",), keep={"condition": "Ready", "status": "true"}),
    _row(r"kube_pod_container_resource_limits", _GAUGE, M.LIMIT, "kube_pod_container_resource_limits", "container_memory_limit_bytes", entity=_WORKLOAD, keep={"resource": "memory"}, weight=_NORMAL),
    _row(r"kube_job_status_failed", _GAUGE, M.ERRORS, "kube_job_status_failed", entity=("job_name",)),
    _row(r"kube_.*(_labels|_annotations|_created|_owner|_info|_generation|_metadata_.*|_start_time|_completion_time)", Kind.LEFT_OUT, None, "kube_pod_labels"),
    _row(r"kube_node_.*", None, None, "kube_node_spec_unschedulable", weight=_NOISE, entity=("exported_node", "node")),
    _row(r"kube_.*", None, None, "kube_pod_status_phase", weight=_NOISE, entity=_OBJECT),
    # node_exporter
    _row(r"node_cpu_seconds_total", _COUNTER, M.CPU, "node_cpu_seconds_total", "node_cpu_busy", entity=HOST_LABELS, keep={"mode": "user|system|irq|softirq|nice"}),
    _row(r"node_load(1|5|15)", _GAUGE, M.CPU, "node_load1", r"node_cpu_load\1", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_pressure_cpu_waiting_seconds_total", _COUNTER, M.CPU, "node_pressure_cpu_waiting_seconds_total", "node_cpu_pressure", entity=HOST_LABELS),
    _row(r"node_pressure_memory_(waiting|stalled)_seconds_total", _COUNTER, M.MEMORY, "node_pressure_memory_stalled_seconds_total", "node_memory_pressure", entity=HOST_LABELS),
    _row(r"node_pressure_io_(waiting|stalled)_seconds_total", _COUNTER, M.DISK_IO, "node_pressure_io_stalled_seconds_total", "node_disk_io_pressure_wait", entity=HOST_LABELS),
    _row(r"node_disk_io_time_seconds_total", _COUNTER, M.DISK_IO, "node_disk_io_time_seconds_total", "node_disk_busy_utilization", entity=HOST_LABELS),
    _row(r"node_disk_(read|write)_time_seconds_total", _COUNTER, M.DISK_IO, "node_disk_write_time_seconds_total", entity=HOST_LABELS),
    _row(r"node_disk_(reads|writes)_completed_total", _COUNTER, M.DISK_IO, "node_disk_reads_completed_total", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_network_(receive|transmit)_(bytes|packets)_total", _COUNTER, M.NETWORK, "node_network_receive_bytes_total", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_network_(receive|transmit)_drop_total", _COUNTER, M.NETWORK, "node_network_receive_drop_total", entity=HOST_LABELS),
    _row(r"node_network_(receive|transmit)_errs_total", _COUNTER, M.ERRORS, "node_network_receive_errs_total", r"node_network_\1_errors", entity=HOST_LABELS),
    _row(r"node_netstat_Tcp_RetransSegs", _COUNTER, M.NETWORK, "node_netstat_Tcp_RetransSegs", "node_network_retransmits", entity=HOST_LABELS),
    _row(r"node_nf_conntrack_entries", _GAUGE, M.CONNECTIONS, "node_nf_conntrack_entries", "node_conntrack_connections", entity=HOST_LABELS),
    _row(r"node_filefd_allocated", _GAUGE, M.CONNECTIONS, "node_filefd_allocated", "node_open_fds", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_vmstat_oom_kill", _COUNTER, M.RESTARTS, "node_vmstat_oom_kill", "node_oom_kills", entity=HOST_LABELS),
    _row(r"node_timex_offset_seconds", _GAUGE, M.OTHER, "node_timex_offset_seconds", "node_clock_shift", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_filesystem_(avail|free|size)_bytes", Kind.LEFT_OUT, None, "node_filesystem_size_bytes"),
    _row(r"node_memory_MemAvailable_bytes", _GAUGE, M.MEMORY, "node_memory_MemAvailable_bytes", entity=HOST_LABELS, weight=_NORMAL),
    _row(r"node_.*", None, None, "node_arp_entries", weight=_NOISE, entity=HOST_LABELS),
    # processes, Go, Python, Node.js, the JVM (Micrometer and the JMX exporter)
    _row(r"process_cpu_seconds_total", _COUNTER, M.CPU, "process_cpu_seconds_total"),
    _row(r"(process|system)_cpu_usage", _GAUGE, M.CPU, "process_cpu_usage"),
    _row(r"process_resident_memory_bytes", _GAUGE, M.MEMORY, "process_resident_memory_bytes"),
    _row(r"process_start_time_seconds", Kind.CHANGES, M.RESTARTS, "process_start_time_seconds", "process_restarts"),
    _row(r"process_(max_fds|virtual_memory_(max_)?bytes)", Kind.LEFT_OUT, None, "process_max_fds"),
    _row(r"process_open_fds", _GAUGE, M.CONNECTIONS, "process_open_fds", weight=_NORMAL),
    _row(r"go_goroutines", _GAUGE, M.CONNECTIONS, "go_goroutines", weight=_NORMAL),
    _row(r"go_gc_duration_seconds", Kind.SUMMARY, M.GC, "go_gc_duration_seconds", weight=_NORMAL),
    _row(r"python_gc_collections_total", _COUNTER, M.GC, "python_gc_collections_total", "python_gc_collection", weight=_NOISE),
    _row(r"nodejs_eventloop_lag(_p99|_p90|_p50|_mean)?_seconds", _GAUGE, M.LATENCY, "nodejs_eventloop_lag_p99_seconds", r"nodejs_eventloop_latency\1_ms", scale=1e3),
    _row(r"nodejs_gc_duration_seconds", _HISTOGRAM, M.GC, "nodejs_gc_duration_seconds"),
    _row(r"nodejs_heap_size_used_bytes", _GAUGE, M.MEMORY, "nodejs_heap_size_used_bytes"),
    _row(r"jvm_gc_pause_seconds", Kind.MEAN, M.GC, "jvm_gc_pause_seconds"),
    _row(r"jvm_gc_collection_seconds", Kind.MEAN, M.GC, "jvm_gc_collection_seconds"),
    _row(r"jvm_memory_(used_bytes|bytes_used)", _GAUGE, M.MEMORY, "jvm_memory_used_bytes", "jvm_heap_used_bytes", keep={"area": "heap"}, on=_REPLICAS),
    _row(r"jvm_memory_(max_bytes|bytes_max)", _GAUGE, M.LIMIT, "jvm_memory_max_bytes", "jvm_heap_max_bytes", weight=_NORMAL, keep={"area": "heap"}, on=_REPLICAS),
    _row(r"jvm_threads_(live_threads|current)", _GAUGE, M.CONNECTIONS, "jvm_threads_live_threads", weight=_NORMAL),
    _row(r"jvm_threads_deadlocked", _GAUGE, M.LOCK_WAIT, "jvm_threads_deadlocked", "jvm_threads_deadlocks"),
    _row(r"hikaricp_connections_pending", _GAUGE, M.POOL_WAIT, "hikaricp_connections_pending"),
    _row(r"hikaricp_connections_active", _GAUGE, M.POOL_USE, "hikaricp_connections_active"),
    _row(r"hikaricp_connections_max", _GAUGE, M.LIMIT, "hikaricp_connections_max"),
    _row(r"hikaricp_connections_acquire_seconds", _HISTOGRAM, M.POOL_WAIT, "hikaricp_connections_acquire_seconds"),
    _row(r"hikaricp_connections_timeout_total", _COUNTER, M.TIMEOUTS, "hikaricp_connections_timeout_total"),
    _row(r"tomcat_threads_busy_threads", _GAUGE, M.POOL_USE, "tomcat_threads_busy_threads", "tomcat_pool_busy_threads"),
    _row(r"executor_queued_tasks", _GAUGE, M.QUEUE, "executor_queued_tasks"),
    _row(r"resilience4j_circuitbreaker_not_permitted_calls_total", _COUNTER, M.ERRORS, "resilience4j_circuitbreaker_not_permitted_calls_total", "circuitbreaker_rejected_calls"),
    _row(r"logback_events_total", _COUNTER, M.ERRORS, "logback_events_total", "logback_errors", keep={"level": "error"}),
)  # fmt: skip

_STORES = (
    # PostgreSQL, MySQL, Redis, MongoDB
    _row(r"pg_up|mysql_up|redis_up|mongodb_up|rabbitmq_up|elasticsearch_up|kafka_up|haproxy_up|nginx_up|memcached_up", _GAUGE, M.UP, "pg_up"),
    _row(r"pg_stat_activity_count", _GAUGE, M.CONNECTIONS, "pg_stat_activity_count", "pg_active_connections"),
    _row(r"pg_settings_max_connections|mysql_global_variables_max_connections|redis_config_maxclients", _GAUGE, M.LIMIT, "pg_settings_max_connections", "db_max_connections"),
    _row(r"pg_stat_database_deadlocks(_total)?", _COUNTER, M.LOCK_WAIT, "pg_stat_database_deadlocks"),
    _row(r"pg_stat_database_xact_commit(_total)?", _COUNTER, M.TRAFFIC, "pg_stat_database_xact_commit", "pg_commits_transactions"),
    _row(r"pg_stat_database_xact_rollback(_total)?", _COUNTER, M.ERRORS, "pg_stat_database_xact_rollback", "pg_transactions_failed"),
    _row(r"pg_stat_activity_max_tx_duration", _GAUGE, M.LATENCY, "pg_stat_activity_max_tx_duration", "pg_longest_transaction_duration_seconds"),
    _row(r"pg_locks_count", _GAUGE, M.LOCK_WAIT, "pg_locks_count", "pg_locks_held"),
    _row(r"pg_replication_lag(_seconds)?", _GAUGE, M.LAG, "pg_replication_lag"),
    _row(r"mysql_global_status_threads_(connected|running)", _GAUGE, M.CONNECTIONS, "mysql_global_status_threads_connected"),
    _row(r"mysql_global_status_(queries|questions)", _COUNTER, M.TRAFFIC, "mysql_global_status_queries"),
    _row(r"mysql_global_status_slow_queries", _COUNTER, M.LATENCY, "mysql_global_status_slow_queries", "mysql_slow_query_latency"),
    _row(r"mysql_global_status_innodb_row_lock_(waits|time)", _COUNTER, M.LOCK_WAIT, "mysql_global_status_innodb_row_lock_waits"),
    _row(r"mysql_slave_status_seconds_behind_master", _GAUGE, M.LAG, "mysql_slave_status_seconds_behind_master"),
    _row(r"redis_connected_clients", _GAUGE, M.CONNECTIONS, "redis_connected_clients", "redis_client_connections"),
    _row(r"redis_commands_processed_total", _COUNTER, M.TRAFFIC, "redis_commands_processed_total"),
    _row(r"redis_keyspace_hits_total", _COUNTER, M.CACHE_HITS, "redis_keyspace_hits_total", "redis_cache_hits"),
    _row(r"redis_keyspace_misses_total", _COUNTER, M.CACHE_MISSES, "redis_keyspace_misses_total", "redis_cache_misses"),
    _row(r"redis_evicted_keys_total", _COUNTER, M.CACHE_MISSES, "redis_evicted_keys_total", "redis_cache_evicted_keys"),
    _row(r"redis_rejected_connections_total", _COUNTER, M.ERRORS, "redis_rejected_connections_total", "redis_rejected_clients"),
    _row(r"redis_blocked_clients", _GAUGE, M.QUEUE, "redis_blocked_clients", "redis_waiting_clients"),
    _row(r"redis_memory_used_bytes", _GAUGE, M.MEMORY, "redis_memory_used_bytes"),
    _row(r"mongodb_(ss_)?connections", _GAUGE, M.CONNECTIONS, "mongodb_ss_connections", weight=_NORMAL),
    _row(r"mongodb_mongod_replset_member_replication_lag", _GAUGE, M.LAG, "mongodb_mongod_replset_member_replication_lag"),
    # Elasticsearch, OpenSearch
    _row(r"(elasticsearch|opensearch)_jvm_memory_used_bytes", _GAUGE, M.MEMORY, "elasticsearch_jvm_memory_used_bytes"),
    _row(r"(elasticsearch|opensearch)_thread_pool_rejected_count", _COUNTER, M.ERRORS, "elasticsearch_thread_pool_rejected_count", r"\1_threads_rejected"),
    _row(r"(elasticsearch|opensearch)_thread_pool_queue_count", _GAUGE, M.QUEUE, "elasticsearch_thread_pool_queue_count", r"\1_threads_queue"),
    _row(r"(elasticsearch|opensearch)_cluster_health_(unassigned_shards|number_of_pending_tasks)", _GAUGE, M.QUEUE, "elasticsearch_cluster_health_unassigned_shards", r"\1_pending_\2"),
    _row(r"elasticsearch_indices_search_query_time_seconds(_total)?", _COUNTER, M.LATENCY, "elasticsearch_indices_search_query_time_seconds", "elasticsearch_search_duration_seconds"),
    # Kafka, RabbitMQ
    _row(r"kafka_consumergroup_lag", _GAUGE, M.LAG, "kafka_consumergroup_lag", entity=("consumergroup", "service", "job"), output="kafka_consumer_lag"),
    _row(r"kafka_consumer_(fetch_manager_)?records_lag(_max)?", _GAUGE, M.LAG, "kafka_consumer_records_lag_max", "kafka_consumer_lag"),
    _row(r"kafka_server_brokertopicmetrics_messagesin_total", _COUNTER, M.TRAFFIC, "kafka_server_brokertopicmetrics_messagesin_total", "kafka_messages_in"),
    _row(r"kafka_server_replicamanager_underreplicatedpartitions", _GAUGE, M.LAG, "kafka_server_replicamanager_underreplicatedpartitions", "kafka_replica_lag_partition"),
    _row(r"kafka_topic_partition_current_offset", _COUNTER, M.TRAFFIC, "kafka_topic_partition_current_offset", "kafka_messages", entity=("topic",)),
    _row(r"rabbitmq_queue_messages(_ready|_unacked|_unacknowledged)?", _GAUGE, M.QUEUE, "rabbitmq_queue_messages_ready"),
    _row(r"rabbitmq_queue_consumers", _GAUGE, M.UP, "rabbitmq_queue_consumers", "rabbitmq_consumers_alive"),
    # proxies
    _row(r"nginx_(http_requests_total|ingress_controller_requests)", _COUNTER, M.TRAFFIC, "nginx_ingress_controller_requests", "nginx_requests", entity=("exported_service", "ingress", "service")),
    _row(r"nginx_ingress_controller_request_duration_seconds", _HISTOGRAM, M.LATENCY, "nginx_ingress_controller_request_duration_seconds", entity=("exported_service", "ingress", "service")),
    _row(r"nginx_connections_(active|waiting)", _GAUGE, M.CONNECTIONS, "nginx_connections_active", "nginx_connections", weight=_NORMAL),
    _row(r"haproxy_(backend|server)_http_responses_total", _COUNTER, M.TRAFFIC, "haproxy_backend_http_responses_total", r"haproxy_\1_requests", entity=("proxy", "backend")),
    _row(r"haproxy_backend_(current_queue|queue_current)", _GAUGE, M.QUEUE, "haproxy_backend_current_queue", entity=("proxy", "backend")),
    _row(r"haproxy_backend_(active_servers|up)", _GAUGE, M.UP, "haproxy_backend_active_servers", "haproxy_backend_servers_up", entity=("proxy", "backend")),
    _row(r"envoy_cluster_upstream_rq(_xx)?(_total)?", _COUNTER, M.TRAFFIC, "envoy_cluster_upstream_rq_total", "envoy_cluster_requests", entity=("envoy_cluster_name",)),
    _row(r"envoy_cluster_upstream_rq_time", _HISTOGRAM, M.LATENCY, "envoy_cluster_upstream_rq_time", "envoy_cluster_duration_milliseconds", entity=("envoy_cluster_name",)),
    _row(r"envoy_cluster_upstream_rq_timeout(_total)?", _COUNTER, M.TIMEOUTS, "envoy_cluster_upstream_rq_timeout", entity=("envoy_cluster_name",)),
    _row(r"envoy_cluster_upstream_rq_retry(_total)?", _COUNTER, M.RETRIES, "envoy_cluster_upstream_rq_retry", entity=("envoy_cluster_name",)),
    _row(r"envoy_cluster_upstream_cx_active", _GAUGE, M.CONNECTIONS, "envoy_cluster_upstream_cx_active", "envoy_cluster_connections", entity=("envoy_cluster_name",)),
    _row(r"envoy_cluster_membership_healthy", _GAUGE, M.UP, "envoy_cluster_membership_healthy", entity=("envoy_cluster_name",)),
    _row(r"coredns_dns_request_duration_seconds", _HISTOGRAM, M.LATENCY, "coredns_dns_request_duration_seconds"),
    _row(r"probe_success", _GAUGE, M.UP, "probe_success", "probe_up"),
    _row(r"probe_ssl_earliest_cert_expiry", _GAUGE, M.EXPIRY, "probe_ssl_earliest_cert_expiry"),
    _row(r"certmanager_certificate_expiration_timestamp_seconds", _GAUGE, M.EXPIRY, "certmanager_certificate_expiration_timestamp_seconds", entity=("name", "exported_namespace")),
)  # fmt: skip

_MODELS = (
    # GPUs and model servers
    _row(r"DCGM_FI_DEV_GPU_UTIL", _GAUGE, M.CPU, "DCGM_FI_DEV_GPU_UTIL", "gpu_cpu_utilization", entity=("exported_pod", "pod", "Hostname", "hostname", "instance")),
    _row(r"DCGM_FI_DEV_FB_USED", _GAUGE, M.MEMORY, "DCGM_FI_DEV_FB_USED", "gpu_memory_used_bytes", entity=("exported_pod", "pod", "Hostname", "hostname", "instance"), scale=1048576.0),
    _row(r"DCGM_FI_DEV_XID_ERRORS", _GAUGE, M.ERRORS, "DCGM_FI_DEV_XID_ERRORS", "gpu_xid_errors", entity=("exported_pod", "pod", "Hostname", "hostname", "instance")),
    _row(r"DCGM_FI_DEV_(POWER|THERMAL)_VIOLATION", _COUNTER, M.THROTTLE, "DCGM_FI_DEV_THERMAL_VIOLATION", "gpu_throttled", entity=("exported_pod", "pod", "Hostname", "hostname", "instance")),
    _row(r"vllm[:_]time_to_first_token_seconds", _HISTOGRAM, M.LATENCY, "vllm:time_to_first_token_seconds", "vllm_ttft_seconds"),
    _row(r"vllm[:_](e2e_request_latency|inter_token_latency|time_per_output_token)_seconds", _HISTOGRAM, M.LATENCY, "vllm:e2e_request_latency_seconds", r"vllm_\1_seconds"),
    _row(r"vllm[:_]request_queue_time_seconds", _HISTOGRAM, M.QUEUE, "vllm:request_queue_time_seconds", "vllm_queue_time_seconds"),
    _row(r"vllm[:_]num_requests_waiting", _GAUGE, M.QUEUE, "vllm:num_requests_waiting", "vllm_requests_waiting"),
    _row(r"vllm[:_]num_requests_running", _GAUGE, M.QUEUE, "vllm:num_requests_running", "vllm_inflight", weight=_NORMAL),
    _row(r"vllm[:_](gpu_cache|kv_cache)_usage_perc", _GAUGE, M.MEMORY, "vllm:gpu_cache_usage_perc", "vllm_kv_memory_ratio"),
    _row(r"vllm[:_]num_preemptions(_total)?", _COUNTER, M.QUEUE, "vllm:num_preemptions_total", "vllm_queue_preemptions"),
    _row(r"vllm[:_](prompt|generation)_tokens(_total)?", _COUNTER, M.TRAFFIC, "vllm:generation_tokens_total", r"vllm_\1_tokens_ops"),
    _row(r"vllm[:_]request_success(_total)?", _COUNTER, M.TRAFFIC, "vllm:request_success_total", "vllm_requests"),
    _row(r"nv_inference_request_failure", _COUNTER, M.ERRORS, "nv_inference_request_failure", entity=("service", "pod", "job")),
    _row(r"nv_inference_request_success", _COUNTER, M.TRAFFIC, "nv_inference_request_success", "nv_inference_requests"),
    _row(r"nv_inference_queue_duration_us", _COUNTER, M.QUEUE, "nv_inference_queue_duration_us", "nv_inference_queue_seconds", scale=1e-6),
    _row(r"nv_inference_(request|compute_infer)_duration_us", _COUNTER, M.LATENCY, "nv_inference_request_duration_us", r"nv_inference_\1_duration_seconds", scale=1e-6),
    _row(r"nv_inference_pending_request_count", _GAUGE, M.QUEUE, "nv_inference_pending_request_count"),
    _row(r"nv_gpu_utilization", _GAUGE, M.CPU, "nv_gpu_utilization", "gpu_cpu_utilization"),
    _row(r"nv_gpu_memory_used_bytes", _GAUGE, M.MEMORY, "nv_gpu_memory_used_bytes"),
    _row(r"nv_trt_llm_request_metrics", _GAUGE, M.QUEUE, "nv_trt_llm_request_metrics", "trt_llm_queue_requests", keep={"request_type": "waiting|scheduled"}),
    _row(r"revision_app_request_latencies", _HISTOGRAM, M.LATENCY, "revision_app_request_latencies", "kserve_request_latency_milliseconds", entity=("configuration_name", "service_name", "revision_name")),
    _row(r"revision_(app_)?request_count", _COUNTER, M.TRAFFIC, "revision_request_count", "kserve_requests", entity=("configuration_name", "service_name", "revision_name")),
    _row(r"(ray_serve|serve)_deployment_processing_latency_ms", _HISTOGRAM, M.LATENCY, "ray_serve_deployment_processing_latency_ms", entity=("deployment",)),
    _row(r"(ray_serve|serve)_deployment_error_counter(_total)?", _COUNTER, M.ERRORS, "ray_serve_deployment_error_counter", "ray_serve_errors", entity=("deployment",)),
    _row(r"(ray_serve|serve)_deployment_(queued_queries|pending_requests)", _GAUGE, M.QUEUE, "ray_serve_deployment_queued_queries", "ray_serve_queue", entity=("deployment",)),
    _row(r"ts_inference_(latency_microseconds|requests_total)", _COUNTER, M.TRAFFIC, "ts_inference_requests_total", "torchserve_requests"),
    _row(r"ts_queue_latency_microseconds", _COUNTER, M.QUEUE, "ts_queue_latency_microseconds", "torchserve_queue"),
    # models and data in production
    _row(r".*_psi|.*(feature|data|model|prediction)_?drift.*", _GAUGE, M.DRIFT, "feature_drift_psi"),
    _row(r".*(click_through|conversion|acceptance)_(rate|ratio).*", _GAUGE, M.QUALITY, "model_click_through_ratio"),
    _row(r".*model_(accuracy|auc|precision|recall|f1|score|quality).*", _GAUGE, M.QUALITY, "model_accuracy"),
    # Airflow
    _row(r"airflow_(dag_processing_import_errors|ti_failures|operator_failures.*)(_total)?", _COUNTER, M.ERRORS, "airflow_ti_failures"),
    _row(r"airflow_(executor_queued_tasks|scheduler_tasks_starving)", _GAUGE, M.QUEUE, "airflow_executor_queued_tasks", "airflow_queue_tasks"),
    _row(r"airflow_pool_open_slots(_.*)?", _GAUGE, M.POOL_USE, "airflow_pool_open_slots"),
    _row(r"airflow_dagrun_(duration|schedule_delay).*", Kind.SUMMARY, M.LATENCY, "airflow_dagrun_duration_success", "airflow_dagrun_duration_seconds"),
    _row(r"airflow_scheduler_heartbeat(_total)?", _COUNTER, M.UP, "airflow_scheduler_heartbeat", "airflow_scheduler_alive"),
)  # fmt: skip

_WATCHERS = (
    # what monitors, about itself: last of all
    _row(r"(prometheus|alertmanager|promhttp|net_conntrack|go|grafana|loki|otelcol|cortex|thanos|vm|pushgateway|cadvisor|machine)_.*", None, None, "go_threads", weight=_NOISE),
    _row(r"scrape_(duration_seconds|samples_.*|series_added)", Kind.LEFT_OUT, None, "scrape_duration_seconds"),
    _row(r"(apiserver|etcd|kubelet|workqueue|rest_client|authentication|admission|kubeproxy|scheduler)_.*", None, None, "workqueue_depth", weight=_NOISE),
    _row(r"ALERTS(_FOR_STATE)?", Kind.LEFT_OUT, None, "ALERTS"),
)  # fmt: skip

ROWS: tuple[FamilyRow, ...] = (*_REQUESTS, *_PLATFORM, *_STORES, *_MODELS, *_WATCHERS)

RATIOS: tuple[FamilyRow, ...] = (
    _ratio(r"node_filesystem_avail_bytes", "node_filesystem_size_bytes", "node_filesystem_used_ratio", M.DISK, "node_filesystem_avail_bytes", on=("mountpoint",), complement=True, entity=HOST_LABELS),
    _ratio(r"node_filesystem_files_free", "node_filesystem_files", "node_filesystem_inodes_used_ratio", M.DISK, "node_filesystem_files_free", on=("mountpoint",), complement=True, entity=HOST_LABELS),
    _ratio(r"node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "node_memory_used_ratio", M.MEMORY, "node_memory_MemAvailable_bytes", complement=True, entity=HOST_LABELS),
    _ratio(r"node_nf_conntrack_entries", "node_nf_conntrack_entries_limit", "node_conntrack_connections_ratio", M.CONNECTIONS, "node_nf_conntrack_entries", entity=HOST_LABELS),
    _ratio(r"container_memory_working_set_bytes", "kube_pod_container_resource_limits", "container_memory_used_ratio", M.MEMORY, "container_memory_working_set_bytes", on=("container",), entity=("pod",), keep={"resource": "memory|"}),
    _ratio(r"container_memory_working_set_bytes", "container_spec_memory_limit_bytes", "container_memory_used_ratio", M.MEMORY, "container_memory_working_set_bytes", on=("container",), entity=_CONTAINER),
    _ratio(r"container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total", "container_cpu_throttled_ratio", M.THROTTLE, "container_cpu_cfs_throttled_periods_total", entity=_CONTAINER),
    _ratio(r"kubelet_volume_stats_used_bytes", "kubelet_volume_stats_capacity_bytes", "kubelet_volume_used_ratio", M.DISK, "kubelet_volume_stats_used_bytes", entity=("persistentvolumeclaim",)),
    _ratio(r"jvm_memory_used_bytes", "jvm_memory_max_bytes", "jvm_heap_used_ratio", M.MEMORY, "jvm_memory_used_bytes", on=_REPLICAS, keep={"area": "heap"}),
    _ratio(r"hikaricp_connections_active", "hikaricp_connections_max", "hikaricp_connections_in_use_ratio", M.POOL_USE, "hikaricp_connections_active", on=("pool", *_REPLICAS)),
    _ratio(r"db[_.]client[_.]connections?[_.](usage|count)", "db_client_connections_max", "db_pool_in_use_ratio", M.POOL_USE, "db_client_connections_usage", on=_REPLICAS, keep={"state": "used|"}),
    _ratio(r"tomcat_threads_busy_threads", "tomcat_threads_config_max_threads", "tomcat_pool_busy_ratio", M.POOL_USE, "tomcat_threads_busy_threads", on=_REPLICAS),
    _ratio(r"pg_stat_activity_count", "pg_settings_max_connections", "pg_connections_used_ratio", M.CONNECTIONS, "pg_stat_activity_count"),
    _ratio(r"mysql_global_status_threads_connected", "mysql_global_variables_max_connections", "mysql_connections_used_ratio", M.CONNECTIONS, "mysql_global_status_threads_connected"),
    _ratio(r"redis_memory_used_bytes", "redis_memory_max_bytes", "redis_memory_used_ratio", M.MEMORY, "redis_memory_used_bytes"),
    _ratio(r"(.*(?:volume|disk|filesystem|storage)(?:_\w+)?)_used_bytes", r"\1_size_bytes", r"\1_used_ratio", M.DISK, "volume_used_bytes"),
    _ratio(r"(.*(?:volume|disk|filesystem|storage)(?:_\w+)?)_used_bytes", r"\1_capacity_bytes", r"\1_used_ratio", M.DISK, "disk_used_bytes"),
    _ratio(r"(\w+_)?resident_memory_bytes", r"\1memory_limit_bytes", r"\1memory_used_ratio", M.MEMORY, "process_resident_memory_bytes"),
    _ratio(r"process_open_fds", "process_max_fds", "process_open_fds_ratio", M.CONNECTIONS, "process_open_fds", on=_REPLICAS),
)  # fmt: skip
