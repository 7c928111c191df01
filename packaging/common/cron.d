# Barman's maintenance: archives WAL, watches receivers, enforces retention policies.
# Where /etc/cron.d is not read, use the timer instead: systemctl enable --now barman-cron.timer
* * * * * barman [ -x /usr/bin/barman ] && /usr/bin/barman -q cron
