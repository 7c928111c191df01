extension OptionTable {
    /// Every option of servers and models, at the position of its `ServerOption`.
    public static let server: [OptionSpecification] = [
        .init(
            "active",
            [.server, .model],
            .boolean,
            default: "true",
            "Whether barman works on this server; off leaves only the commands that ask."
        ),
        .init(
            "archiver",
            [.global, .server, .model],
            .boolean,
            default: "off",
            "Whether WAL files that PostgreSQL puts into the incoming directory are archived."
        ),
        .init(
            "archiver_batch_size",
            [.global, .server, .model],
            .integer,
            default: "0",
            "How many files of the incoming directory one run takes; 0 takes all."
        ),
        .init(
            "autogenerate_manifest",
            [.global, .server, .model],
            .boolean,
            default: "false",
            "Whether a backup_manifest is written after each rsync backup."
        ),
        .init(
            "aws_check_object_lock",
            [.global, .server, .model],
            .boolean,
            default: "off",
            "Whether locked objects of a backup in S3 keep it from being deleted."
        ),
        .init("aws_encryption", [.global, .server, .model], .awsEncryption, "How S3 encrypts what is uploaded."),
        .init("aws_read_timeout", [.global, .server, .model], .integer, "Seconds to wait for an answer from S3."),
        .init(
            "aws_await_snapshots_timeout",
            [.global, .server, .model],
            .integer,
            default: "3600",
            "Seconds to wait for snapshots of EBS volumes to complete."
        ),
        .init(
            "aws_snapshot_lock_mode",
            [.global, .server, .model],
            .string,
            "How snapshots of EBS volumes are locked: governance or compliance."
        ),
        .init(
            "aws_snapshot_lock_duration",
            [.global, .server, .model],
            .integer,
            "Days that the lock of a snapshot lasts, 1 to 36500."
        ),
        .init(
            "aws_snapshot_lock_cool_off_period",
            [.global, .server, .model],
            .integer,
            "Hours in which a compliance lock can still be changed, 1 to 72."
        ),
        .init(
            "aws_snapshot_lock_expiration_date",
            [.global, .server, .model],
            .string,
            "When the lock of a snapshot ends: YYYY-MM-DDTHH:MM:SS.ffffffZ."
        ),
        .init("aws_profile", [.global, .server, .model], .string, "The profile of the AWS configuration to use."),
        .init("aws_region", [.global, .server, .model], .string, "The AWS region of instance and snapshots."),
        .init(
            "aws_sse_kms_key_id",
            [.global, .server, .model],
            .string,
            "The KMS key that encrypts what is uploaded to S3."
        ),
        .init(
            "azure_credential",
            [.global, .server, .model],
            .string,
            "Where Azure credentials come from: azure-cli, managed-identity or default."
        ),
        .init(
            "azure_resource_group",
            [.global, .server, .model],
            .string,
            "The Azure resource group of instance and disks."
        ),
        .init(
            "azure_subscription_id",
            [.global, .server, .model],
            .string,
            "The Azure subscription that owns instance and disks."
        ),
        .init(
            "backup_compression",
            [.global, .server, .model],
            .backupCompression,
            "How pg_basebackup compresses a backup; none makes plain tar files."
        ),
        .init(
            "backup_compression_format",
            [.global, .server, .model],
            .backupCompressionFormat,
            "Whether a compressed backup is stored as tar files or unpacked."
        ),
        .init(
            "backup_compression_level",
            [.global, .server, .model],
            .integer,
            "The level of the compression of backups."
        ),
        .init(
            "backup_compression_location",
            [.global, .server, .model],
            .backupCompressionLocation,
            "Which side compresses a backup."
        ),
        .init(
            "backup_compression_workers",
            [.global, .server, .model],
            .integer,
            "How many threads compress a backup; zstd only."
        ),
        .init(
            "backup_directory",
            .server,
            .string,
            default: "{home}/{name}",
            "Where everything about this server is stored."
        ),
        .init(
            "backup_method",
            [.global, .server, .model],
            .backupMethod,
            default: "rsync",
            "How base backups are taken."
        ),
        .init(
            "backup_options",
            [.global, .server, .model],
            .backupOptions,
            "Details of base backups: kind of hot backup, external configuration files."
        ),
        .init(
            "bandwidth_limit",
            [.global, .server, .model],
            .lateInteger,
            "The most kilobytes a second that a copy may use; 0 sets no limit."
        ),
        .init(
            "basebackup_retry_sleep",
            [.global, .server, .model],
            .integer,
            default: "30",
            "Seconds between two attempts of a copy."
        ),
        .init(
            "basebackup_retry_times",
            [.global, .server, .model],
            .integer,
            default: "0",
            "How often a failed copy is tried again."
        ),
        .init(
            "basebackups_directory",
            .server,
            .directoryOrURL,
            default: "{backup}/base",
            "Where base backups are stored."
        ),
        .init(
            "check_timeout",
            [.global, .server, .model],
            .integer,
            default: "30",
            "Seconds that check may take for a server; 0 sets no limit."
        ),
        .init(
            "cloud_delete_batch_size",
            [.global, .server, .model],
            .integer,
            "How many objects one delete request names."
        ),
        .init(
            "cloud_staging_directory",
            [.global, .server, .model],
            .absolutePath,
            default: "/tmp/barman/cloud-staging",
            "Where backups wait for their upload."
        ),
        .init(
            "cloud_staging_max_size",
            [.global, .server, .model],
            .size,
            default: "30Gi",
            "How much may wait in the staging directory before pg_basebackup is paused."
        ),
        .init(
            "cloud_upload_max_archive_size",
            [.server, .model],
            .size,
            default: "100Gi",
            "The size at which an uploaded archive is split."
        ),
        .init("cloud_upload_min_chunk_size", [.server, .model], .size, "The smallest part of a multipart upload."),
        .init(
            "cloud_wal_archive_parallel",
            [.global, .server, .model],
            .integer,
            default: "0",
            "How many WAL files are uploaded at once; 0 or 1 looks for no further ones."
        ),
        .init(
            "cloud_wal_restore_parallel",
            [.global, .server, .model],
            .integer,
            default: "0",
            "How many WAL files are fetched at once; 0 or 1 fetches only the one asked for."
        ),
        .init(
            "cluster",
            [.server, .model],
            .string,
            default: "{name}",
            "The cluster a server belongs to; models apply to servers of the same cluster."
        ),
        .init("compression", [.global, .server, .model], .walCompression, "How archived WAL files are compressed."),
        .init(
            "compression_level",
            [.global, .server, .model],
            .compressionLevel,
            default: "medium",
            "How hard WAL files are compressed."
        ),
        .init("conninfo", [.server, .model], .string, "The connection string for PostgreSQL."),
        .init(
            "custom_compression_filter",
            [.global, .server, .model],
            .string,
            "The shell command that compresses WAL files when compression is custom.",
            deprecation: "3.17, in favour of the built-in compressions"
        ),
        .init(
            "custom_decompression_filter",
            [.global, .server, .model],
            .string,
            "The shell command that decompresses WAL files when compression is custom.",
            deprecation: "3.17, in favour of the built-in compressions"
        ),
        .init(
            "custom_compression_magic",
            [.global, .server, .model],
            .string,
            "The first bytes of files of the custom compression: 0x and hexadecimal digits.",
            deprecation: "3.17, in favour of the built-in compressions"
        ),
        .init("description", [.server, .model], .string, "What this server is, for people."),
        .init(
            "disabled",
            .model,
            .boolean,
            default: "false",
            "Set by barman when the configuration of a server can not be used."
        ),
        .init(
            "drill_maximum_age",
            [.global, .server, .model],
            .interval,
            "The age at which check complains about the last restore drill; it complains of a failed one as well."
        ),
        .init(
            "encryption",
            [.global, .server, .model],
            .encryption,
            default: "none",
            "How WAL files and backups are encrypted."
        ),
        .init("encryption_key_id", [.global, .server, .model], .string, "The gpg key that encrypts."),
        .init(
            "encryption_passphrase_command",
            [.global, .server, .model],
            .string,
            "The shell command that prints the passphrase of the key."
        ),
        .init(
            "errors_directory",
            .server,
            .string,
            default: "{backup}/errors",
            "Where files go that can not be archived."
        ),
        .init(
            "forward_config_path",
            [.global, .server, .model],
            .boolean,
            default: "false",
            "Whether a passive node passes the path of its configuration to the primary node."
        ),
        .init("gcp_project", [.global, .server, .model], .string, "The Google Cloud project of instance and disks."),
        .init("gcp_zone", [.server, .model], .string, "The Google Cloud zone of instance and disks."),
        .init(
            "immediate_checkpoint",
            [.global, .server, .model],
            .boolean,
            default: "false",
            "Whether a backup starts with a fast checkpoint."
        ),
        .init(
            "incoming_wals_directory",
            .server,
            .string,
            default: "{backup}/incoming",
            "Where PostgreSQL puts WAL files."
        ),
        .init(
            "keepalive_interval",
            [.server, .model],
            .integer,
            default: "60",
            "Seconds between signs of life on the connection during an rsync backup; 0 sends none."
        ),
        .init(
            "last_backup_maximum_age",
            [.global, .server, .model],
            .interval,
            "The age at which check complains about the last backup."
        ),
        .init(
            "last_backup_minimum_size",
            [.global, .server, .model],
            .size,
            "The size below which check complains about the last backup."
        ),
        .init(
            "last_wal_maximum_age",
            [.global, .server, .model],
            .interval,
            "The age at which check complains about the last WAL file."
        ),
        .init(
            "combine_mode",
            [.global, .server, .model],
            .combineMode,
            default: "copy",
            "How pg_combinebackup gets files into the restored directory."
        ),
        .init(
            "local_staging_path",
            [.global, .server, .model],
            .absolutePath,
            "Where backups are unpacked on this host during a restore.",
            deprecation: "3.15, in favour of staging_path and staging_location"
        ),
        .init(
            "max_incoming_wals_queue",
            [.global, .server, .model],
            .integer,
            "How many WAL files may wait before check complains."
        ),
        .init(
            "minimum_redundancy",
            [.global, .server, .model],
            .lateInteger,
            default: "0",
            "How many backups must remain after a delete."
        ),
        .init(
            "network_compression",
            [.global, .server, .model],
            .boolean,
            default: "false",
            "Whether rsync compresses what it sends."
        ),
        .init(
            "parallel_jobs",
            [.global, .server, .model],
            .integer,
            default: "1",
            "How many rsync processes copy at once."
        ),
        .init(
            "parallel_jobs_start_batch_period",
            [.global, .server, .model],
            .integer,
            default: "1",
            "The seconds in which at most one batch of rsync processes is started."
        ),
        .init(
            "parallel_jobs_start_batch_size",
            [.global, .server, .model],
            .integer,
            default: "10",
            "How many rsync processes are started in one period."
        ),
        .init(
            "path_prefix",
            [.global, .server, .model],
            .string,
            "Directories that come before PATH when programs are looked up."
        ),
        .init(
            "post_archive_retry_script",
            [.global, .server],
            .string,
            "The shell command to run after a WAL file is archived, again and again until it succeeds."
        ),
        .init(
            "post_archive_script",
            [.global, .server],
            .string,
            "The shell command to run after a WAL file is archived."
        ),
        .init(
            "post_backup_retry_script",
            [.global, .server],
            .string,
            "The shell command to run after a backup, again and again until it succeeds."
        ),
        .init("post_backup_script", [.global, .server], .string, "The shell command to run after a backup."),
        .init(
            "post_delete_script",
            [.global, .server],
            .string,
            "The shell command to run after a backup is deleted."
        ),
        .init(
            "post_delete_retry_script",
            [.global, .server],
            .string,
            "The shell command to run after a backup is deleted, again and again until it succeeds."
        ),
        .init(
            "post_recovery_retry_script",
            [.global, .server],
            .string,
            "The shell command to run after a restore, again and again until it succeeds."
        ),
        .init("post_recovery_script", [.global, .server], .string, "The shell command to run after a restore."),
        .init(
            "post_wal_delete_script",
            [.global, .server],
            .string,
            "The shell command to run after a WAL file is deleted."
        ),
        .init(
            "post_wal_delete_retry_script",
            [.global, .server],
            .string,
            "The shell command to run after a WAL file is deleted, again and again until it succeeds."
        ),
        .init(
            "pre_archive_retry_script",
            [.global, .server],
            .string,
            "The shell command to run before a WAL file is archived, again and again until it succeeds."
        ),
        .init(
            "pre_archive_script",
            [.global, .server],
            .string,
            "The shell command to run before a WAL file is archived."
        ),
        .init(
            "pre_backup_retry_script",
            [.global, .server],
            .string,
            "The shell command to run before a backup, again and again until it succeeds."
        ),
        .init("pre_backup_script", [.global, .server], .string, "The shell command to run before a backup."),
        .init(
            "pre_delete_script",
            [.global, .server],
            .string,
            "The shell command to run before a backup is deleted."
        ),
        .init(
            "pre_delete_retry_script",
            [.global, .server],
            .string,
            "The shell command to run before a backup is deleted, again and again until it succeeds."
        ),
        .init(
            "pre_recovery_retry_script",
            [.global, .server],
            .string,
            "The shell command to run before a restore, again and again until it succeeds."
        ),
        .init("pre_recovery_script", [.global, .server], .string, "The shell command to run before a restore."),
        .init(
            "pre_wal_delete_script",
            [.global, .server],
            .string,
            "The shell command to run before a WAL file is deleted."
        ),
        .init(
            "pre_wal_delete_retry_script",
            [.global, .server],
            .string,
            "The shell command to run before a WAL file is deleted, again and again until it succeeds."
        ),
        .init(
            "primary_checkpoint_timeout",
            [.server, .model],
            .integer,
            default: "0",
            "Seconds to wait on a standby before the primary is told to make a checkpoint; 0 never tells."
        ),
        .init(
            "primary_conninfo",
            [.server, .model],
            .string,
            "The connection string of the primary when a standby is backed up."
        ),
        .init(
            "primary_ssh_command",
            [.global, .server, .model],
            .string,
            "The command that reaches the barman host whose backups this passive node copies."
        ),
        .init("recovery_options", [.global, .server, .model], .recoveryOptions, "Details of restores."),
        .init(
            "recovery_staging_path",
            [.global, .server, .model],
            .absolutePath,
            "Where backups are unpacked on the target host during a restore.",
            deprecation: "3.15, in favour of staging_path and staging_location"
        ),
        .init(
            "create_slot",
            [.global, .server, .model],
            .createSlot,
            default: "manual",
            "Whether receive-wal makes a missing replication slot."
        ),
        .init("retention_policy", [.global, .server, .model], .retentionPolicy, "Which backups are kept."),
        .init(
            "retention_policy_mode",
            [.global, .server, .model],
            .string,
            default: "auto",
            "How the retention policy is enforced; only auto exists."
        ),
        .init(
            "reuse_backup",
            [.global, .server, .model],
            .reuseBackup,
            "How an rsync backup uses files of the one before it."
        ),
        .init("slot_name", [.global, .server, .model], .slotName, "The replication slot that receive-wal uses."),
        .init("snapshot_disks", [.server, .model], .disks, "The disks a snapshot backup covers."),
        .init(
            "snapshot_gcp_project",
            [.global, .server, .model],
            .string,
            "The Google Cloud project of instance and disks.",
            deprecation: "3.0, in favour of gcp_project"
        ),
        .init("snapshot_instance", [.server, .model], .string, "The instance whose disks a snapshot backup covers."),
        .init(
            "snapshot_provider",
            [.global, .server, .model],
            .string,
            "The cloud that makes snapshots: aws, azure or gcp."
        ),
        .init(
            "snapshot_zone",
            [.server, .model],
            .string,
            "The Google Cloud zone of instance and disks.",
            deprecation: "3.0, in favour of gcp_zone"
        ),
        .init("ssh_command", [.server, .model], .string, "The command that reaches the PostgreSQL host."),
        .init(
            "staging_path",
            [.global, .server, .model],
            .absolutePath,
            "Where backups are unpacked during a restore."
        ),
        .init(
            "staging_location",
            [.global, .server, .model],
            .stagingLocation,
            default: "local",
            "Whether the staging path is on this host or on the target host."
        ),
        .init(
            "streaming_archiver",
            [.global, .server, .model],
            .boolean,
            default: "off",
            "Whether WAL is received over a replication connection and archived."
        ),
        .init(
            "streaming_archiver_batch_size",
            [.global, .server, .model],
            .integer,
            default: "0",
            "How many files of the streaming directory one run takes; 0 takes all."
        ),
        .init(
            "streaming_archiver_name",
            [.global, .server, .model],
            .string,
            default: "barman_receive_wal",
            "The application name of the WAL receiver, for synchronous_standby_names; "
                + "commits with synchronous_commit = remote_apply would wait for ever for a receiver."
        ),
        .init(
            "streaming_backup_name",
            [.global, .server, .model],
            .string,
            default: "barman_streaming_backup",
            "The application name of pg_basebackup."
        ),
        .init(
            "streaming_conninfo",
            [.server, .model],
            .string,
            default: "{conninfo}",
            "The connection string for replication."
        ),
        .init(
            "streaming_wals_directory",
            .server,
            .string,
            default: "{backup}/streaming",
            "Where received WAL is written."
        ),
        .init(
            "tablespace_bandwidth_limit",
            [.global, .server, .model],
            .tablespaceRates,
            "Limits in kilobytes a second for single tablespaces."
        ),
        .init(
            "wal_conninfo",
            [.server, .model],
            .string,
            "The connection string for watching the WAL streaming host."
        ),
        .init(
            "wal_retention_policy",
            [.global, .server, .model],
            .string,
            default: "main",
            "Which WAL files are kept; only main exists."
        ),
        .init(
            "wal_streaming_conninfo",
            [.server, .model],
            .string,
            "The replication connection string of the WAL streaming host."
        ),
        .init(
            "wals_directory",
            .server,
            .directoryOrURL,
            default: "{backup}/wals",
            "Where archived WAL files are stored."
        ),
        .init(
            "warehousepg_dbid",
            [.global, .server, .model],
            .integer,
            "The dbid of the WarehousePG segment that pg_basebackup copies."
        ),
        .init(
            "worm_mode",
            [.global, .server, .model],
            .boolean,
            default: "off",
            "Whether WAL files older than the first backup are left alone."
        ),
        .init(
            "xlogdb_directory",
            [.global, .server],
            .string,
            default: "{wals}",
            "Where the list of archived WAL files is stored."
        ),
    ]
}
