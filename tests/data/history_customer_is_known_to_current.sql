-- Every customer of the newest day stands in current_customer: history never knows more than current. A run names the day, so that BigQuery
-- reads one partition; outside of one the table has to be asked.
select history.customer_id
from {{ ref('history_customer') }} as history
left join {{ ref('current_customer') }} as current_state on current_state.customer_id = history.customer_id
where history.day = {% if changes.window %}date '{{ changes.window.to }}'{% else %}(select max(day) from {{ ref('history_customer') }}){% endif %}
    and current_state.customer_id is null
